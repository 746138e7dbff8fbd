//! Signing in to the dashboard with a token, and out again.

use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::app::App;
use super::finish::Asked;
use super::pages::sentence;
use super::problem::Problem;
use super::sessions::{cookies, csrf_holds, session_id};

/// `GET /sign-in`
pub(super) async fn form(State(app): State<Arc<App>>) -> Html<String> {
    Html(app.pages.sign_in(None))
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

/// `POST /sign-in`
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    check_origin(request.headers())?;
    let asked = request.extensions().get::<Arc<Asked>>().cloned();
    let SignIn { token } = posted(request).await?;
    let token = token.trim();
    let caller = match app.fleet.authenticate(token).await {
        Ok(caller) => caller,
        Err(denied) => {
            let page = app.pages.sign_in(Some(&sentence(&denied.to_string())));
            return Ok((StatusCode::FORBIDDEN, Html(page)).into_response());
        }
    };
    if let Some(asked) = asked {
        asked.caller(&caller.subject);
    }
    let id = app.sessions.begin(token).ok_or_else(Problem::internal)?;
    Ok(with_cookies(&app, Some(&id), Redirect::to("/")))
}

#[derive(Deserialize)]
struct SignOut {
    csrf: String,
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    check_origin(request.headers())?;
    let id = session_id(request.headers()).map(str::to_owned);
    let SignOut { csrf } = posted(request).await?;
    if let Some(id) = id {
        if !csrf_holds(&id, &csrf) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this form is out of date; load the page again",
            ));
        }
        app.sessions.end(&id);
    }
    Ok(with_cookies(&app, None, Redirect::to("/sign-in")))
}

async fn posted<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let wrong = |error: axum::extract::rejection::FormRejection| {
        Problem::new(error.status(), error.body_text())
    };
    Form::from_request(request, &())
        .await
        .map(|Form(it)| it)
        .map_err(wrong)
}

/// A form is taken from our own pages only. Browsers say where a form comes from; scripts need not.
fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let host = text(header::HOST).unwrap_or("");
    let own = match (
        text(header::ORIGIN),
        text(header::HeaderName::from_static("sec-fetch-site")),
    ) {
        (Some(origin), _) => origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority == host),
        (None, Some(site)) => site == "same-origin",
        (None, None) => true,
    };
    if own {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this form was sent by another site",
        ))
    }
}

fn with_cookies(app: &App, id: Option<&str>, redirect: Redirect) -> Response {
    let mut response = redirect.into_response();
    for cookie in cookies(app.exposure, id) {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_refused() {
        let table = [
            (&[("origin", "http://localhost:8080")][..], true),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[], true),
        ];
        for (pairs, own) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("localhost:8080"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(check_origin(&headers).is_ok(), own, "{pairs:?}");
        }
    }
}
