//! The operations that concern the whole fleet: policy, clusters, limits, audit, tokens.

use axum::http::Method;
use serde_json::{Value, json};

use super::operation::Operation;
use super::parts::{json_of, text_of};
use super::schemas::Schemas;
use crate::domain::audit::{AuditItem, Row};
use crate::domain::orphan::Orphan;
use crate::domain::token::{Token, TokenRequest};
use crate::domain::view::{ClusterView, EngineView, Foreign, LimitsView, Page, PlanView};
use crate::domain::{CommitId, StoreName, TokenId};
use crate::http::fleet::Vouch;
use crate::http::tokens::Made;

/// What there is and what there may be.
pub(super) fn all(s: &mut Schemas) -> Vec<Operation> {
    let page = |path, id, summary, schema: Value| {
        Operation::new(Method::GET, path, id, summary)
            .paged()
            .answers(200, "A page.", &[json_of(schema)])
    };
    vec![
        page(
            "/api/v1/clusters",
            "listClusters",
            "Lists the clusters of the policy",
            s.told::<Page<ClusterView>>(),
        ),
        page(
            "/api/v1/plans",
            "listPlans",
            "Lists the plans of the policy",
            s.told::<Page<PlanView>>(),
        ),
        page(
            "/api/v1/engines",
            "listEngines",
            "Lists the engines of the policy",
            s.told::<Page<EngineView>>(),
        ),
        page(
            "/api/v1/foreign",
            "listForeign",
            "Lists what people committed on main that has no effect yet",
            s.told::<Page<Foreign>>(),
        ),
        page(
            "/api/v1/orphans",
            "listOrphans",
            "Lists objects in the clusters without a record, and records without objects",
            s.told::<Page<Orphan>>(),
        ),
        Operation::new(
            Method::GET,
            "/api/v1/limits",
            "getLimits",
            "Shows limits: the fleet's and yours, used and left",
        )
        .answers(200, "The limits.", &[json_of(s.told::<LimitsView>())]),
        Operation::new(
            Method::POST,
            "/api/v1/vouch",
            "vouch",
            "Puts a commit's policy and charts in force",
        )
        .takes(
            true,
            &s.asked::<Vouch>(),
            "The commit, which must be on published main.",
        )
        .problems(&[404, 409])
        .answers(204, "They are in force.", &[]),
    ]
}

/// The audit.
pub(super) fn audit(s: &mut Schemas) -> Vec<Operation> {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let pages = json!({"anyOf": [s.told::<Page<AuditItem>>(), s.told::<Page<Row>>()]});
    let operation = Operation::new(Method::GET, "/api/v1/audit", "audit", "Lists who did what, when and why, newest first")
        .about("Accepted changes are commits of main; refusals and sign-ins are rows of a chain, for admins only.")
        .query("kind", json!({"enum": ["changes", "refusals", "sign-ins"], "default": "changes"}), "What is listed.")
        .query("format", json!({"enum": ["json", "csv"], "default": "json"}), "The form of the answer.")
        .query("actor", text(), "Only of this actor.")
        .query("action", text(), "Only of this action.")
        .query("store", s.asked::<StoreName>(), "Only about this store.")
        .query("commit", s.asked::<CommitId>(), "Only this commit.")
        .query("since", time(), "Not before.")
        .query("until", time(), "Before.")
        .paged()
        .answers(200, "A page.", &[json_of(pages), text_of("text/csv", "RFC 4180, with a header; columns as the fields of JSON.")])
        .with(200, "Link", false);
    vec![operation]
}

/// API tokens.
pub(super) fn tokens(s: &mut Schemas) -> Vec<Operation> {
    let (all, one) = ("/api/v1/tokens", "/api/v1/tokens/{id}");
    let id = s.asked::<TokenId>();
    let token = "The token's id.";
    vec![
        Operation::new(Method::GET, all, "listTokens", "Lists API tokens")
            .paged()
            .answers(200, "A page.", &[json_of(s.told::<Page<Token>>())]),
        Operation::new(Method::POST, all, "createToken", "Makes an API token")
            .about("It is shown this once. An Idempotency-Key is refused.")
            .takes(true, &s.asked::<TokenRequest>(), "What the token is for.")
            .problems(&[409])
            .answers(201, "The token.", &[json_of(s.told::<Made>())])
            .with(201, "Location", true),
        Operation::new(
            Method::GET,
            one,
            "getToken",
            "Shows what is known of an API token",
        )
        .path("id", id.clone(), token)
        .answers(200, "All but its text.", &[json_of(s.told::<Token>())]),
        Operation::new(Method::DELETE, one, "revokeToken", "Revokes an API token")
            .path("id", id, token)
            .takes_nothing()
            .answers(204, "It opens nothing any more.", &[]),
    ]
}
