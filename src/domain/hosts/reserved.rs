//! Names that would make a shop look like a part of the platform, or be taken for one by programs.
//!
//! A store called `www` answers at `www.<baseDomain>`. Operators may still create one: a platform's own shop may well
//! be `www`. Names of namespaces need no entry: a store's has the cluster's prefix before its name.

use crate::domain::StoreName;

/// What the name is reserved for, and the names.
const RESERVED: [(&str, &[&str]); 5] = [
    (
        "the platform's own site",
        &[
            "www", "web", "app", "api", "cdn", "static", "assets", "docs", "help", "support",
            "status", "blog",
        ],
    ),
    (
        "signing in and paying, where people trust the name",
        &[
            "admin",
            "administrator",
            "account",
            "accounts",
            "auth",
            "billing",
            "console",
            "dashboard",
            "id",
            "login",
            "oauth",
            "pay",
            "payment",
            "payments",
            "secure",
            "signin",
            "sso",
        ],
    ),
    (
        // Mail clients ask autoconfig and autodiscover for settings; the others are a domain's mail hosts.
        "mail",
        &[
            "autoconfig",
            "autodiscover",
            "imap",
            "mail",
            "mta-sts",
            "mx",
            "pop",
            "pop3",
            "postmaster",
            "smtp",
            "webmail",
        ],
    ),
    (
        // Windows looks for wpad and isatap by itself (RFC 5214; MS16-077).
        "the network",
        &[
            "dns",
            "ftp",
            "gateway",
            "isatap",
            "localhost",
            "ns",
            "ns1",
            "ns2",
            "proxy",
            "vpn",
            "wpad",
        ],
    ),
    (
        "what runs the fleet",
        &[
            "fleet",
            "fleetwright",
            "flux",
            "git",
            "grafana",
            "ingress",
            "kubernetes",
            "metrics",
            "prometheus",
            "registry",
        ],
    ),
];

/// What a name is reserved for; none where anybody may have it.
pub fn reserved(name: &StoreName) -> Option<&'static str> {
    let hit = RESERVED
        .iter()
        .find(|(_, names)| names.contains(&name.as_str()));
    hit.map(|(what, _)| *what)
}
