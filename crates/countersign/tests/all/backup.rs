//! Failed backups, restores of files that are not backups, and data files of another user.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::process::{Process, command};

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory).args(arguments).output().unwrap()
}

fn files_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_failed_backup_leaves_no_file_and_its_error_names_both_files() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    Process::dev(at).stop();
    let lines = (0..2000).map(|number| format!("{{\"username\":\"user-{number}\"}}\n"));
    std::fs::write(at.join("users.jsonl"), lines.collect::<String>()).unwrap();
    assert!(run(at, &["user", "import", "users.jsonl"]).status.success());
    std::fs::create_dir(at.join("full")).unwrap();
    // The shell limits the size of the files that the program writes to 64 or 128 KiB, depending on its block
    // size. So the copy fails before it is complete.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" --data-dir data backup full/copy.db";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, env!("CARGO_BIN_EXE_countersign")]).current_dir(at).env_clear();
    let refused = limited.output().unwrap();
    let printed = text_of(&refused);
    assert!(!refused.status.success(), "{printed}");
    assert!(printed.contains("full/copy.db") && printed.contains("data/countersign.db"), "{printed}");
    assert_eq!(files_in(&at.join("full")), [""; 0]);
    let refused = text_of(&run(at, &["backup", "absent/copy.db"]));
    assert!(refused.contains("absent/copy.db") && refused.contains("data/countersign.db"), "{refused}");
    assert!(run(at, &["backup", "full/copy.db"]).status.success());
    assert_eq!(files_in(&at.join("full")), ["copy.db"]);
}

#[test]
fn restore_rejects_other_files_and_backups_of_newer_releases() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    Process::dev(at).stop();
    assert!(run(at, &["backup", "newer.db"]).status.success());
    let change = |file: &str, sql: &str| {
        rusqlite::Connection::open(at.join(file)).unwrap().execute_batch(sql).unwrap();
    };
    change("newer.db", "UPDATE refinery_schema_history SET version = 99 WHERE version = 1");
    std::fs::write(at.join("zero.db"), "").unwrap();
    std::fs::write(at.join("notes.txt"), "Monday: backup\n".repeat(500)).unwrap();
    change("no-tables.db", "CREATE TABLE t (x); DROP TABLE t");
    change("other.db", "CREATE TABLE users (id)");
    let history =
        "CREATE TABLE refinery_schema_history (version INT4, name TEXT, applied_on TEXT, checksum TEXT); ";
    change(
        "other-migrations.db",
        &format!("{history} INSERT INTO refinery_schema_history VALUES (1, 'mine', '', '')"),
    );
    change("other-history.db", "CREATE TABLE refinery_schema_history (what TEXT)");
    let before = std::fs::read(at.join("data/countersign.db")).unwrap();
    for file in [
        "zero.db",
        "notes.txt",
        "no-tables.db",
        "other.db",
        "other-migrations.db",
        "other-history.db",
        "data",
    ] {
        let refused = text_of(&run(at, &["restore", file]));
        assert!(refused.contains(&format!("{file} is not a backup")), "{refused}");
        assert!(refused.contains("data/countersign.db"), "{refused}");
    }
    let refused = text_of(&run(at, &["restore", "newer.db"]));
    assert!(refused.contains("newer.db") && refused.contains("newer release"), "{refused}");
    assert!(std::fs::read(at.join("data/countersign.db")).unwrap() == before, "nothing was changed");
    assert!(text_of(&run(at, &["user", "list"])).contains("john_doe"));
}

#[test]
fn a_missing_database_is_an_error_in_both_forms_of_its_url() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let absent = at.join("absent.db");
    for url in [format!("sqlite://{}", absent.display()), format!("sqlite:{}", absent.display())] {
        let refused = command(at).env("DATABASE_URL", &url).args(["user", "list"]).output().unwrap();
        assert!(text_of(&refused).contains("there is no database at"), "{url}: {}", text_of(&refused));
        assert!(!absent.exists(), "{url}");
    }
}

#[test]
fn commands_do_not_change_a_database_of_another_program() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::create_dir(at.join("data")).unwrap();
    let file = at.join("data/countersign.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE users (id)").unwrap();
    let before = std::fs::read(&file).unwrap();
    for arguments in [&["user", "list"][..], &["migrate"], &["migrate", "--dry-run"], &["doctor"]] {
        let refused =
            command(at).env("COUNTERSIGN_MASTER_KEY", "A".repeat(42) + "E").args(arguments).output().unwrap();
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(std::fs::read(&file).unwrap() == before, "{arguments:?}");
    }
    assert!(text_of(&run(at, &["user", "list"])).contains("belongs to another program"));
}

/// A server's directory that belongs to a service user, if these tests run as root. Otherwise it belongs to
/// the user who runs the tests.
struct Service {
    directory: tempfile::TempDir,
    program: PathBuf,
    is_root: bool,
}

/// The user and group id of the service. Most systems use it for the user without privileges.
const SERVICE: u32 = 65_534;

impl Service {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        // The service user may lack access to the directory that the program was built in.
        let program = directory.path().join("countersign");
        // Another test may start a process at this moment. It would inherit the open file if this process wrote it, and a
        // file that is open for writing cannot be run.
        let copied =
            Command::new("cp").arg(env!("CARGO_BIN_EXE_countersign")).arg(&program).status().unwrap();
        assert!(copied.success());
        let service = Self { directory, program, is_root };
        service.give(service.at());
        assert!(service.run(&["migrate"]).status.success());
        service
    }

    fn at(&self) -> &Path {
        self.directory.path()
    }

    fn give(&self, path: &Path) {
        if self.is_root {
            chown(path, Some(SERVICE), Some(SERVICE)).unwrap();
        }
    }

    /// Runs a command as the service user.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.current_dir(self.at()).env_clear().args(["--data-dir", "data"]).args(arguments);
        if self.is_root {
            command.uid(SERVICE).gid(SERVICE);
        }
        command.output().unwrap()
    }

    /// Creates a file with this mode in the data directory. If the tests run as root, root owns the file.
    fn foreign_file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.at().join("data").join(name);
        std::fs::remove_file(&path).ok();
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

#[test]
fn lock_files_of_another_user_do_not_prevent_a_service_from_running() {
    let service = Service::new();
    for name in ["countersign.lock", "countersign.in-use"] {
        service.foreign_file(name, 0o444);
    }
    let listed = service.run(&["user", "list"]);
    assert!(listed.status.success(), "{}", text_of(&listed));
}

#[test]
fn an_unusable_file_is_reported_with_the_command_that_repairs_it() {
    let service = Service::new();
    for name in ["countersign.lock", "countersign.in-use", "countersign.db-wal", "countersign.db-shm"] {
        let path = service.foreign_file(name, 0o000);
        let refused = text_of(&service.run(&["user", "list"]));
        let is_repairable =
            refused.contains("run `chown --reference=") && refused.contains(&format!("data/{name}` as root"));
        assert!(is_repairable, "{name}: {refused}");
        std::fs::remove_file(path).unwrap();
    }
    let database = service.at().join("data/countersign.db");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o000)).unwrap();
    if service.is_root {
        chown(&database, Some(0), Some(0)).unwrap();
    }
    let refused = text_of(&service.run(&["user", "list"]));
    assert!(refused.contains("chown --reference=data data/countersign.db"), "{refused}");
}

#[test]
fn files_that_root_creates_in_a_data_directory_belong_to_its_owner() {
    let service = Service::new();
    let at = service.at();
    assert!(service.run(&["backup", "monday.db"]).status.success());
    assert!(run(at, &["restore", "monday.db"]).status.success());
    let owner = std::fs::metadata(at.join("data")).unwrap().uid();
    for name in files_in(&at.join("data")) {
        assert_eq!(std::fs::metadata(at.join("data").join(&name)).unwrap().uid(), owner, "{name}");
    }
    assert!(service.run(&["user", "list"]).status.success());
    std::fs::create_dir(at.join("second")).unwrap();
    service.give(&at.join("second"));
    let made =
        Command::new(&service.program).current_dir(at).args(["--data-dir", "second", "migrate"]).output();
    assert!(made.unwrap().status.success());
    assert_eq!(std::fs::metadata(at.join("second/countersign.db")).unwrap().uid(), owner);
}
