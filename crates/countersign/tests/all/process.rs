//! The server as a separate process with a directory on disk.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// The longest time that a test waits for a process.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Checks the condition every 50 ms, for at most [`TIME_LIMIT`]. Returns whether it became true.
pub(crate) fn eventually(mut is_true: impl FnMut() -> bool) -> bool {
    let pause = Duration::from_millis(50);
    (0..TIME_LIMIT.as_millis() / pause.as_millis()).any(|_| {
        let result = is_true();
        if !result {
            std::thread::sleep(pause);
        }
        result
    })
}

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) port: u16,
    /// Standard error so far.
    pub(crate) log: Arc<Mutex<String>>,
    /// Standard output up to the line with the port.
    pub(crate) stdout: String,
}

/// A directory with the data of a server that was killed.
pub(crate) fn left_by_a_server() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    drop(Process::dev(directory.path()));
    directory
}

/// The program with an empty environment and the data directory `data`.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.current_dir(directory).env_clear().args(["--data-dir", "data"]);
    command
}

impl Process {
    /// `serve --dev` on free ports.
    pub(crate) fn dev(directory: &Path) -> Self {
        Self::dev_with(directory, |_| {})
    }

    pub(crate) fn dev_with(directory: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = command(directory);
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"]);
        change(&mut command);
        Self::start(command)
    }

    pub(crate) fn start(command: Command) -> Self {
        Self::try_start(command).unwrap_or_else(|log| panic!("the server did not start: {log}"))
    }

    /// The running process, or its log if it ended before it listened.
    #[expect(clippy::zombie_processes, reason = "`Drop` waits for a process that started")]
    pub(crate) fn try_start(mut command: Command) -> Result<Self, String> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut errors, shared) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        let logging = std::thread::spawn(move || {
            let mut line = String::new();
            while errors.read_line(&mut line).is_ok_and(|length| length > 0) {
                shared.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut stdout = String::new();
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 {
                child.wait().unwrap();
                logging.join().unwrap();
                return Err(log.lock().unwrap().clone());
            }
            stdout.push_str(&line);
            if let Some(port) = line.trim().strip_prefix("Server is running on port ") {
                let port = port.parse().unwrap();
                return Ok(Self { child, port, log, stdout });
            }
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of the management listener, from the log.
    pub(crate) fn management_port(&self) -> u16 {
        let log = self.log.lock().unwrap();
        let rest = log.split("management=127.0.0.1:").nth(1).unwrap();
        rest.split(|character: char| !character.is_ascii_digit()).next().unwrap().parse().unwrap()
    }

    /// Sends one request on a new connection. Returns status and body, or `None` if the connection broke.
    pub(crate) fn try_send(&self, request: &str) -> Option<(u16, String)> {
        send(&self.address(), request)
    }

    pub(crate) fn send(&self, request: &str) -> (u16, String) {
        self.try_send(request).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, String) {
        self.send(&post(path, &body.to_string()))
    }

    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Option<(u16, String)> {
        self.try_send(&post(path, &body.to_string()))
    }

    /// Sends the same request `times` times concurrently. Returns the statuses.
    pub(crate) fn post_at_once(&self, path: &str, body: &str, times: usize) -> Vec<u16> {
        let (address, request) = (self.address(), post(path, body));
        let calls: Vec<_> = (0..times)
            .map(|_| {
                let (address, request) = (address.clone(), request.clone());
                std::thread::spawn(move || send(&address, &request).unwrap().0)
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Sends SIGKILL, so that the server cannot shut down in order.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits. Returns the exit code and the whole log.
    pub(crate) fn stop(mut self) -> (i32, String) {
        self.signal("-TERM");
        let code = self.child.wait().unwrap().code().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let log = self.log.lock().unwrap().clone();
        (code, log)
    }

    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The text of a POST request with a JSON body.
pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn send(address: &str, request: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    read_reply(&mut stream)
}

/// Reads until the connection closes. Returns status and body, or `None` without a complete response.
pub(crate) fn read_reply(stream: &mut TcpStream) -> Option<(u16, String)> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).unwrap();
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}
