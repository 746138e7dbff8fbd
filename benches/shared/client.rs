//! As little HTTP as it takes to ask a server on this machine, over one connection that stays open.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result};

use crate::fleet;

/// One connection with an admin's token.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    address: String,
    token: String,
}

/// Status and body.
pub(crate) type Answer = (u16, String);

impl Client {
    pub(crate) fn connect(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            address: address.to_owned(),
            token: token.to_owned(),
        })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "", "")
    }

    /// Asks for an edition of a store; 202 as soon as that is accepted.
    pub(crate) fn change(&mut self, store: usize, edition: usize) -> Result<Answer> {
        self.patch(store, edition, "")
    }

    /// The same, answered when the change is merged, or with 202 after so many seconds.
    pub(crate) fn change_and_wait(
        &mut self,
        store: usize,
        edition: usize,
        seconds: u32,
    ) -> Result<Answer> {
        self.patch(store, edition, &format!("prefer: wait={seconds}\r\n"))
    }

    fn patch(&mut self, store: usize, edition: usize, headers: &str) -> Result<Answer> {
        let headers = format!("content-type: application/merge-patch+json\r\n{headers}");
        let path = format!("/api/v1/stores/{}", fleet::name(store)?);
        let body = fleet::request(store, edition).to_string();
        self.ask("PATCH", &path, &headers, &body)
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<Answer> {
        let Self { address, token, .. } = self;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status = status.context("the server closed the connection")?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}
