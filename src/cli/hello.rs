//! What `dev` says when it is up: the address, the token, and three commands to try.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use super::client::DEFAULT_URL;
use super::failure::Failure;
use super::output;
use crate::workflow::Fleet;

/// Prints the greeting.
pub(super) fn print(data: &Path, address: SocketAddr, fleet: &Fleet) -> Result<(), Failure> {
    let path = data.join("admin.token");
    let token = std::fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!(
            "cannot read the admin token {}: {error}",
            path.display()
        ))
    })?;
    let policy = fleet.policy();
    let engine = policy
        .engines
        .keys()
        .next()
        .map_or("woocommerce", String::as_str);
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "fleetwright".to_owned());
    output::print(&text(&path, address, token.trim(), engine, &program))
}

fn text(
    token_file: &Path,
    address: SocketAddr,
    token: &str,
    engine: &str,
    program: &str,
) -> String {
    let url = format!("http://{address}");
    let file = quoted(&token_file.display().to_string());
    let server = if url == DEFAULT_URL {
        String::new()
    } else {
        format!("FLEETWRIGHT_URL={url} ")
    };
    let program = quoted(program);
    let third = if address.ip().is_loopback() {
        format!("git clone {url}/git/fleet.git && git -C fleet log --stat")
    } else {
        // A password on a command line would be seen by everybody on the machine.
        format!(
            "{program} cluster bootstrap local --url http://ADDRESS_OF_THIS_MACHINE:{}/git/fleet.git",
            address.port()
        )
    };
    let mut text = String::new();
    let _ = write!(
        text,
        "Fleetwright runs at {url}\n\
         Admin token: {token}\n\
         It is kept in {file}; the dashboard at {url}/ asks for it.\n\n\
         Try:\n  \
         curl -sS {url}/api/v1/stores -H \"Authorization: Bearer $(cat {file})\" \
         -H 'Content-Type: application/json' -d '{{\"name\": \"first\", \"engine\": \"{engine}\"}}'\n  \
         {server}FLEETWRIGHT_TOKEN=\"$(cat {file})\" {program} store get first\n  \
         {third}\n\n\
         Ctrl-C stops it; started again it goes on where it was.\n"
    );
    text
}

/// A word of a shell command.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_can_be_pasted() {
        let address = "127.0.0.1:4711".parse().expect("an address");
        let text = text(
            Path::new("my data/admin.token"),
            address,
            "fwt_x",
            "woocommerce",
            "target/release/fleetwright",
        );
        assert!(text.contains("Admin token: fwt_x\n"));
        assert!(text.contains("Bearer $(cat 'my data/admin.token')\""));
        assert!(text.contains("-d '{\"name\": \"first\", \"engine\": \"woocommerce\"}'\n"));
        assert!(text.contains("  FLEETWRIGHT_URL=http://127.0.0.1:4711 FLEETWRIGHT_TOKEN="));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("./a/b-1"), "./a/b-1");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
