//! Serving one bare repository read-only over smart HTTP, by running `git http-backend` as CGI.
//!
//! Must not know: HTTP servers, who may read. Whoever calls [`serve`] has checked that, limits how many run at once,
//! and turns [`BackendResponse`] into an answer.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures::Stream;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Sleep, sleep, timeout};

use super::command::{CommandError, GitCommand, started};

/// Largest request body in bytes; a fetch sends some 50 bytes for each branch and commit that it has.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// Largest header of an answer in bytes; git sends some 200.
const LARGEST_HEADER: usize = 16 * 1024;
/// How long git may take before it answers at all.
const FIRST_WORDS: Duration = Duration::from_mins(1);
/// How long one answer may take to its end: a clone over a slow line.
const WHOLE_ANSWER: Duration = Duration::from_mins(10);

/// A request below the repository's address.
#[derive(Debug, Clone, Default)]
pub struct BackendRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// What follows the repository's address: `/info/refs` or `/git-upload-pack`.
    pub path_info: String,
    /// The query without `?`.
    pub query: String,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `Content-Encoding`; git undoes gzip itself.
    pub content_encoding: Option<String>,
    /// The header `Git-Protocol`.
    pub git_protocol: Option<String>,
    /// The body, as it came.
    pub body: Bytes,
}

/// The answer to a [`BackendRequest`].
#[derive(Debug)]
pub struct BackendResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body: a stream of chunks.
    pub body: BackendBody,
}

impl BackendResponse {
    fn refusal(status: u16, sentence: &str) -> Self {
        let headers = vec![(
            "Content-Type".to_owned(),
            "text/plain; charset=utf-8".to_owned(),
        )];
        let body = BackendBody {
            head: Bytes::from(format!("{sentence}\n")),
            rest: None,
        };
        Self {
            status,
            headers,
            body,
        }
    }
}

/// The body of an answer. When it is dropped, its git process is killed.
#[derive(Debug)]
pub struct BackendBody {
    head: Bytes,
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    stdout: ChildStdout,
    deadline: Pin<Box<Sleep>>,
    /// Killed on drop.
    _child: Child,
}

/// Answers one request for the bare repository at `repo`. What a reader may not do (push, the dumb protocol, a body
/// over 10 MB) is answered with a status, not an error.
///
/// # Errors
/// The git program cannot be started, or says something that is no answer.
pub async fn serve(repo: &Path, request: BackendRequest) -> Result<BackendResponse, CommandError> {
    if let Some(refusal) = refused(&request) {
        return Ok(refusal);
    }
    let body = request.body.clone();
    let mut command = Command::from(cgi(repo, &request).into_command());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| started(error, NAME))?;
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no pipes"));
    };
    // Beside the reading: git answers while it still reads. It may also end early, so an error here means nothing.
    tokio::spawn(async move { stdin.write_all(&body).await });
    let header = timeout(FIRST_WORDS, read_header(&mut stdout)).await;
    let (header, head) = header.map_err(|_| failed("it did not answer in time"))??;
    let (status, headers) = parse_header(&header);
    let rest = Rest {
        stdout,
        deadline: Box::pin(sleep(WHOLE_ANSWER)),
        _child: child,
    };
    Ok(BackendResponse {
        status,
        headers,
        body: BackendBody {
            head,
            rest: Some(rest),
        },
    })
}

const NAME: &str = "http-backend";

fn failed(detail: &str) -> CommandError {
    CommandError::Failed {
        command: NAME.to_owned(),
        detail: detail.to_owned(),
    }
}

/// What is answered without asking git. Only two requests of the smart protocol are let through.
fn refused(request: &BackendRequest) -> Option<BackendResponse> {
    let method = match request.path_info.as_str() {
        "/info/refs" if request.query == "service=git-upload-pack" => "GET",
        "/info/refs" | "/git-receive-pack" => {
            return Some(BackendResponse::refusal(
                403,
                "this repository is read-only, over smart HTTP",
            ));
        }
        "/git-upload-pack" => "POST",
        _ => return Some(BackendResponse::refusal(404, "there is nothing here")),
    };
    if request.method != method {
        return Some(BackendResponse::refusal(
            405,
            "this address is asked in another way",
        ));
    }
    (request.body.len() > LARGEST_BODY)
        .then(|| BackendResponse::refusal(413, "the request is over 10 MB"))
}

/// The command with the environment of git-http-backend(1).
fn cgi(repo: &Path, request: &BackendRequest) -> GitCommand {
    let mut command = GitCommand::new(NAME)
        .env("GIT_PROJECT_ROOT", repo)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", &request.path_info)
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .setting("http.receivepack", "false")
        .setting("http.getanyfile", "false")
        // What the bot remembers of its remote is none of a reader's business.
        .setting("uploadpack.hideRefs", "refs/remotes");
    let headers = [
        ("CONTENT_TYPE", &request.content_type),
        ("HTTP_CONTENT_ENCODING", &request.content_encoding),
        ("GIT_PROTOCOL", &request.git_protocol),
    ];
    for (name, value) in headers {
        // The environment holds no zero bytes.
        if let Some(value) = value.as_ref().filter(|value| !value.contains('\0')) {
            command = command.env(name, value);
        }
    }
    command
}

/// Reads up to the empty line; gives what was before it, and the start of the body.
async fn read_header(stdout: &mut ChildStdout) -> Result<(Bytes, Bytes), CommandError> {
    let mut read = BytesMut::with_capacity(8192);
    loop {
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let header = read.split_to(end).freeze();
            read.advance(4);
            return Ok((header, read.freeze()));
        }
        let more = stdout.read_buf(&mut read).await;
        let more = more.map_err(|source| CommandError::Run {
            command: NAME.to_owned(),
            source,
        })?;
        if more == 0 || read.len() > LARGEST_HEADER {
            return Err(failed("its answer has no header"));
        }
    }
}

/// The status (`Status: 404 Not Found`, else 200) and the other headers.
fn parse_header(header: &[u8]) -> (u16, Vec<(String, String)>) {
    let mut status = 200;
    let mut headers = Vec::new();
    for line in String::from_utf8_lossy(header).lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            status = value
                .split(' ')
                .next()
                .and_then(|code| code.parse().ok())
                .unwrap_or(500);
        } else {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    (status, headers)
}

impl Stream for BackendBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.head.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.head))));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let mut chunk = [0; 16 * 1024];
        let mut buffer = ReadBuf::new(&mut chunk);
        let read = match rest.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::Error::from(io::ErrorKind::TimedOut)),
            Poll::Pending => ready!(Pin::new(&mut rest.stdout).poll_read(context, &mut buffer)),
        };
        match read {
            Ok(()) if !buffer.filled().is_empty() => {
                Poll::Ready(Some(Ok(Bytes::copy_from_slice(buffer.filled()))))
            }
            ended => {
                self.rest = None;
                Poll::Ready(ended.err().map(Err))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_requests_reach_git() {
        let status = |method: &str, path_info: &str, query: &str| {
            let [method, path_info, query] = [method, path_info, query].map(str::to_owned);
            refused(&BackendRequest {
                method,
                path_info,
                query,
                ..BackendRequest::default()
            })
            .map(|r| r.status)
        };
        assert_eq!(status("GET", "/info/refs", "service=git-upload-pack"), None);
        assert_eq!(status("POST", "/git-upload-pack", ""), None);
        assert_eq!(
            status("GET", "/info/refs", "service=git-receive-pack"),
            Some(403)
        );
        assert_eq!(status("GET", "/info/refs", ""), Some(403));
        assert_eq!(status("POST", "/git-receive-pack", ""), Some(403));
        assert_eq!(status("GET", "/git-upload-pack", ""), Some(405));
        assert_eq!(status("GET", "/objects/info/packs", ""), Some(404));
        assert_eq!(
            status("GET", "/../other.git/info/refs", "service=git-upload-pack"),
            Some(404)
        );
    }

    #[test]
    fn a_cgi_header_becomes_status_and_headers() {
        let header =
            b"Status: 403 Forbidden\r\nExpires: Fri, 01 Jan 1980 00:00:00 GMT\r\nPragma: no-cache";
        let (status, headers) = parse_header(header);
        assert_eq!(status, 403);
        assert_eq!(
            headers[0],
            (
                "Expires".to_owned(),
                "Fri, 01 Jan 1980 00:00:00 GMT".to_owned()
            )
        );
        assert_eq!(parse_header(b"Content-Type: text/plain").0, 200);
    }
}
