//! The fixed ports that the check needs: the pages' commands start servers on them.
//!
//! All other programs use any free port. The check looks at the fixed ports first, because its last step
//! would otherwise fail after half an hour.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, ensure};

use crate::console::Remark;
use crate::sources::SourceFile;
use crate::{readme, sources};

/// The default ports of `serve`.
const DEFAULTS: [u16; 2] = [3000, 9000];

/// The local hosts that the pages write before a port.
const HOSTS: [&str; 3] = ["localhost:", "127.0.0.1:", "0.0.0.0:"];

/// Checks that every port which a page needs is free.
///
/// # Errors
/// When at least one of them is in use; the error lists them.
pub(crate) fn check() -> Result<Remark> {
    let pages = sources::files()?;
    let ports: BTreeSet<_> =
        pages.iter().filter(|page| readme::is_run(page)).flat_map(ports_on).chain(DEFAULTS).collect();
    let taken: Vec<_> = ports.iter().filter(|port| !is_free(**port)).map(u16::to_string).collect();
    ensure!(
        taken.is_empty(),
        "ports in use: {}. The pages' commands start servers on these ports; stop the programs that use them",
        taken.join(", ")
    );
    Ok(ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" "))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The local ports that a page mentions.
fn ports_on(page: &SourceFile) -> Vec<u16> {
    let after_host = HOSTS.iter().flat_map(|host| page.text.split(host).skip(1));
    let digits = after_host.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    digits.filter_map(|digits| digits.parse().ok()).filter(|port| *port != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_a_page_and_ports_in_use_are_found() {
        let text = "curl localhost:3000/x\n--listen 127.0.0.1:8080 --management-listen 127.0.0.1:0\n";
        let page = SourceFile { path: "README.md".to_owned(), text: text.to_owned() };
        assert_eq!(ports_on(&page), [3000, 8080]);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        assert!(!is_free(port));
        drop(held);
        assert!(is_free(port));
    }
}
