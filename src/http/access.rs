//! Who may: the one place that decides it, for every route and method.
//!
//! [`guard`] runs in front of every handler and looks up what a route needs. What is not in the [`TABLE`] is not there for
//! anybody: a route that somebody forgot to enter cannot be reached, and a test names it. Whose stores a caller may see is
//! the workflow's business: a merchant is told that another owner's store does not exist.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::{App, Exposure};
use super::auth::{note, signed, visiting};
use super::problem::Problem;
use super::unread::{held, is_long};
use super::{git, pages::Visitor};
use crate::domain::request::{Caller, Role};

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing. API.md lists these routes.
    Nothing,
    /// A caller with this role or a higher one.
    Role(Role),
    /// A caller who may see the stores of all owners: everybody but merchants.
    AllOwners,
    /// A signed-in browser, or a caller, with this role or a higher one. Nobody known: to the sign-in page.
    Page(Role),
    /// The password of the fleet repository, where it is not open to this machine.
    Repository,
}

use Need::{AllOwners, Nothing, Repository};
const VIEWER: Need = Need::Role(Role::Viewer);
const MERCHANT: Need = Need::Role(Role::Merchant);
const PAGE: Need = Need::Page(Role::Viewer);
const OPERATOR: Need = Need::Role(Role::Operator);
const ADMIN: Need = Need::Role(Role::Admin);

/// Methods of one route, with what each needs. `GET` stands for `HEAD`, too.
type Needs = &'static [(Method, Need)];

/// Every route.
#[rustfmt::skip]
const TABLE: &[(&str, Needs)] = &[
    ("/api/v1/stores", &[(Method::GET, VIEWER), (Method::POST, MERCHANT)]),
    ("/api/v1/stores/{name}", &[(Method::GET, VIEWER), (Method::PATCH, MERCHANT), (Method::DELETE, MERCHANT)]),
    ("/api/v1/stores/{name}/upgrade", &[(Method::POST, MERCHANT)]),
    ("/api/v1/stores/{name}/suspend", &[(Method::POST, MERCHANT)]),
    ("/api/v1/stores/{name}/resume", &[(Method::POST, MERCHANT)]),
    ("/api/v1/stores/{name}/rollback", &[(Method::POST, MERCHANT)]),
    ("/api/v1/stores/{name}/retry", &[(Method::POST, MERCHANT)]),
    ("/api/v1/stores/{name}/changes", &[(Method::GET, VIEWER)]),
    ("/api/v1/stores/{name}/history", &[(Method::GET, VIEWER)]),
    ("/api/v1/stores/{name}/events", &[(Method::GET, VIEWER)]),
    ("/api/v1/stores/{name}/manifests", &[(Method::GET, VIEWER)]),
    ("/api/v1/changes", &[(Method::GET, VIEWER)]),
    ("/api/v1/changes/{id}", &[(Method::GET, VIEWER)]),
    ("/api/v1/changes/{id}/events", &[(Method::GET, VIEWER)]),
    ("/api/v1/changes/{id}/cancel", &[(Method::POST, MERCHANT)]),
    ("/api/v1/changes/{id}/approve", &[(Method::POST, OPERATOR)]),
    ("/api/v1/changes/{id}/reject", &[(Method::POST, OPERATOR)]),
    // The dry run of a write: for those who may write.
    ("/api/v1/render", &[(Method::POST, MERCHANT)]),
    ("/api/v1/clusters", &[(Method::GET, VIEWER)]),
    ("/api/v1/plans", &[(Method::GET, VIEWER)]),
    ("/api/v1/engines", &[(Method::GET, VIEWER)]),
    // Its paths name stores of all owners.
    ("/api/v1/foreign", &[(Method::GET, AllOwners)]),
    ("/api/v1/orphans", &[(Method::GET, AllOwners)]),
    ("/api/v1/vouch", &[(Method::POST, ADMIN)]),
    // Whoever is no admin is shown accepted changes only.
    ("/api/v1/audit", &[(Method::GET, VIEWER)]),
    ("/api/v1/limits", &[(Method::GET, VIEWER)]),
    ("/api/v1/events", &[(Method::GET, VIEWER)]),
    ("/api/v1/tokens", &[(Method::GET, ADMIN), (Method::POST, ADMIN)]),
    ("/api/v1/tokens/{id}", &[(Method::GET, ADMIN), (Method::DELETE, ADMIN)]),
    ("/api/health", &[(Method::GET, VIEWER)]),
    // Its figures are the fleet's.
    ("/metrics", &[(Method::GET, AllOwners)]),
    ("/healthz", &[(Method::GET, Nothing)]),
    ("/readyz", &[(Method::GET, Nothing)]),
    ("/", &[(Method::GET, PAGE)]),
    ("/stores/{name}", &[(Method::GET, PAGE)]),
    ("/sign-in", &[(Method::GET, Nothing), (Method::POST, Nothing)]),
    ("/sign-out", &[(Method::POST, PAGE)]),
    ("/openapi.json", &[(Method::GET, Nothing)]),
    ("/docs", &[(Method::GET, Nothing)]),
    ("/schemas/{name}", &[(Method::GET, Nothing)]),
    ("/static/style.css", &[(Method::GET, Nothing)]),
    // A message carries its signature, and there is no route without a secret.
    ("/webhooks/stores", &[(Method::POST, Nothing)]),
    ("/webhooks/github", &[(Method::POST, Nothing)]),
    ("/git/fleet.git/{*rest}", &[(Method::GET, Repository), (Method::POST, Repository)]),
];

/// Stands in front of every route.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    path: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let Some(needs) = needs(path) else {
        return Problem::no_route().into_response();
    };
    let Some(need) = need(needs, request.method()) else {
        return not_allowed(needs);
    };
    match admit(&app, need, &mut request).await {
        Ok(Some(caller)) if is_long(path) => in_turn(&app, &caller, request, next).await,
        Ok(_) => next.run(request).await,
        Err(response) => *response,
    }
}

/// Runs what may answer much when it is the caller's turn.
async fn in_turn(app: &App, caller: &Caller, request: Request, next: Next) -> Response {
    match app.unread.turn(caller).await {
        Ok(turn) => held(next.run(request).await, turn).await,
        Err(problem) => problem.into_response(),
    }
}

/// What a method of a route needs; none where there is no such row.
pub(super) fn needed(path: &str, method: &Method) -> Option<Need> {
    need(needs(path)?, method)
}

/// Every row: its path, and its methods.
#[cfg(test)]
pub(super) fn rows() -> impl Iterator<Item = (&'static str, &'static Method)> {
    TABLE
        .iter()
        .flat_map(|(path, needs)| needs.iter().map(move |(method, _)| (*path, method)))
}

fn needs(path: &str) -> Option<Needs> {
    let row = TABLE.iter().find(|(route, _)| *route == path);
    row.map(|(_, needs)| *needs)
}

fn need(needs: Needs, method: &Method) -> Option<Need> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let row = needs.iter().find(|(one, _)| one == method);
    row.map(|(_, need)| *need)
}

/// Lets a request in, with its caller where one is known, or says why not.
async fn admit(
    app: &App,
    need: Need,
    request: &mut Request,
) -> Result<Option<Caller>, Box<Response>> {
    let headers = request.headers();
    let caller = match need {
        Nothing => return Ok(None),
        Repository => return repository(app, headers).map(|()| None),
        Need::Page(_) => {
            let visitor = visiting(headers, app).await?;
            let caller = visitor.caller.clone();
            request.extensions_mut().insert::<Visitor>(visitor);
            caller
        }
        Need::Role(_) | AllOwners => {
            let refused = |problem: Problem| Box::new(problem.into_response());
            let caller = signed(headers, app).await.map_err(refused)?;
            request.extensions_mut().insert::<Caller>(caller.clone());
            caller
        }
    };
    note(request.extensions(), &caller.subject);
    match refusal(need, caller.role) {
        None => Ok(Some(caller)),
        Some(problem) => Err(Box::new(problem.into_response())),
    }
}

/// Why a role is not enough, where it is not.
fn refusal(need: Need, role: Role) -> Option<Problem> {
    let word = |role: Role| format!("{role:?}").to_lowercase();
    match need {
        Need::Role(least) | Need::Page(least) if role < least => {
            Some(Problem::forbidden(&format!(
                "this needs the role {} or a higher one, and yours is {}; ask an admin",
                word(least),
                word(role)
            )))
        }
        AllOwners if role == Role::Merchant => Some(Problem::forbidden(
            "this shows the stores of all owners, so that a merchant may not see it; ask an operator",
        )),
        _ => None,
    }
}

fn repository(app: &App, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let open = app.exposure == Exposure::Loopback;
    let password = app.repository_token.as_deref();
    if open || password.is_some_and(|it| git::sends(it, headers)) {
        return Ok(());
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"fleet repository\"")];
    Err(Box::new(
        (StatusCode::UNAUTHORIZED, challenge).into_response(),
    ))
}

/// 405, with the methods that the route takes.
fn not_allowed(needs: Needs) -> Response {
    let mut methods: Vec<&str> = needs.iter().map(|(method, _)| method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    if let Ok(value) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// What is open to this machine must not be open to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from a network, and the fleet repository would be open to it without a password; listen at 127.0.0.1"
)]
pub struct OpenToNetwork(SocketAddr);

/// Refuses to serve what [`Exposure::Loopback`] leaves open at an address that others reach.
///
/// # Errors
/// When `address`, as it was bound, is no loopback address.
pub fn check_address(exposure: Exposure, address: SocketAddr) -> Result<(), OpenToNetwork> {
    if exposure == Exposure::Network || address.ip().is_loopback() {
        Ok(())
    } else {
        Err(OpenToNetwork(address))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_table_and_every_row_has_its_route() {
        let source = include_str!("mod.rs");
        let routes: BTreeSet<&str> = source
            .split(".route(")
            .skip(1)
            .filter_map(|it| it.split('"').nth(1))
            .collect();
        let rows: BTreeSet<&str> = TABLE.iter().map(|(path, _)| *path).collect();
        assert_eq!(routes, rows, "http/mod.rs and the table of http/access.rs");
        assert_eq!(rows.len(), TABLE.len(), "no route has two rows");
    }

    #[test]
    fn nothing_else_is_public() {
        let public: Vec<_> = TABLE
            .iter()
            .flat_map(|(path, needs)| needs.iter().map(move |(method, need)| (method, path, need)))
            .filter(|(_, _, need)| **need == Nothing)
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect();
        let listed = [
            "GET /healthz",
            "GET /readyz",
            "GET /sign-in",
            "POST /sign-in",
            "GET /openapi.json",
            "GET /docs",
            "GET /schemas/{name}",
            "GET /static/style.css",
            "POST /webhooks/stores",
            "POST /webhooks/github",
        ];
        assert_eq!(public, listed, "as API.md has them");
    }

    #[test]
    fn roles_rise_and_merchants_see_their_own() {
        let may = |need, role| refusal(need, role).is_none();
        assert!(may(VIEWER, Role::Viewer) && may(VIEWER, Role::Merchant));
        assert!(!may(MERCHANT, Role::Viewer) && may(MERCHANT, Role::Operator));
        assert!(!may(ADMIN, Role::Operator) && may(ADMIN, Role::Admin));
        let all = [Role::Viewer, Role::Merchant, Role::Operator, Role::Admin];
        assert_eq!(
            all.map(|role| may(AllOwners, role)),
            [true, false, true, true]
        );
    }

    #[test]
    fn what_is_open_here_is_not_open_to_a_network() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        for here in ["127.0.0.1:80", "[::1]:80"] {
            assert_eq!(check_address(Exposure::Loopback, address(here)), Ok(()));
        }
        for network in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80"] {
            assert!(check_address(Exposure::Loopback, address(network)).is_err());
            assert_eq!(check_address(Exposure::Network, address(network)), Ok(()));
        }
    }
}
