//! `dev` answers to loopback names only: a web page that points its own name at 127.0.0.1 (DNS rebinding) must not
//! read the API or the repository through a visitor's browser.

use axum::http::{StatusCode, Uri, header, request::Parts};

use super::problem::Problem;

/// Refuses a request whose `Host` (or absolute target) is no loopback name.
pub(super) fn check_host(parts: &Parts) -> Result<(), Problem> {
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|it| it.to_str().ok())
        .unwrap_or("");
    let target = parts
        .uri
        .authority()
        .map(axum::http::uri::Authority::as_str);
    if is_loopback(host) && target.is_none_or(is_loopback) {
        return Ok(());
    }
    let detail = "dev answers at 127.0.0.1, [::1] and localhost only; use one of these addresses";
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
}

fn is_loopback(authority: &str) -> bool {
    let Ok(uri) = format!("http://{authority}/").parse::<Uri>() else {
        return false;
    };
    let Some(host) = uri.host() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare
        .parse::<std::net::IpAddr>()
        .is_ok_and(|it| it.is_loopback());
    address || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_pass() {
        for good in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:1",
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "10.0.0.1",
            "[::2]",
            "a b",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
