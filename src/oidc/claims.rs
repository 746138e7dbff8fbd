//! What the claims of a signed token say: whether it is for us and for now, and whom it stands for. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Trust;
use crate::domain::Owner;
use crate::domain::request::{Caller, Role};
use crate::domain::token::Denied;

/// Seconds that the issuer's clock and ours may differ.
const SKEW: f64 = 60.0;

/// Whom a token stands for.
///
/// # Errors
/// 401 for a token that is not for us or not for now, 403 for one without role.
pub(super) fn caller(
    trust: &Trust,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<Caller, Denied> {
    addressed(trust, claims).map_err(unknown)?;
    timely(claims, now).map_err(unknown)?;
    let subject = subject(trust, claims)?;
    let role = role(trust, claims)?;
    let owner = owner(trust, claims, role, &subject)?;
    Ok(Caller {
        subject: format!("oidc:{subject}"),
        role,
        owner,
    })
}

fn unknown(why: &str) -> Denied {
    Denied::Unknown(why.to_owned())
}

/// `iss` and `aud` (RFC 7519 §4.1.1, §4.1.3): both must be there.
fn addressed(trust: &Trust, claims: &Map<String, Value>) -> Result<(), &'static str> {
    if claims.get("iss").and_then(Value::as_str) != Some(&trust.issuer) {
        return Err("the token is of another issuer");
    }
    let ours = |it: &Value| it.as_str() == Some(&trust.audience);
    let named = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    named
        .then_some(())
        .ok_or("the token is for another audience")
}

/// `exp`, which must be there, `nbf` and `iat` (RFC 7519 §4.1.4 to §4.1.6).
fn timely(claims: &Map<String, Value>, now: Timestamp) -> Result<(), &'static str> {
    let now = now.as_duration().as_secs_f64();
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(it) => it
            .as_f64()
            .map(Some)
            .ok_or("the token's times are no numbers"),
    };
    let ends = time("exp")?.ok_or("the token has no end (exp)")?;
    if ends + SKEW <= now {
        return Err("the token has expired; get a new one");
    }
    let begins = [time("nbf")?, time("iat")?];
    if begins.into_iter().flatten().any(|at| at - SKEW > now) {
        return Err("the token is not valid yet; is the clock right?");
    }
    Ok(())
}

/// The bearer's name. It stands in trailers and logs, so that it must be a plain line.
fn subject(trust: &Trust, claims: &Map<String, Value>) -> Result<String, Denied> {
    let name = &trust.subject_claim;
    let text = claim(claims, name).and_then(Value::as_str).unwrap_or("");
    let plain = text.trim() == text && !text.chars().any(char::is_control);
    if plain && (1..=255).contains(&text.chars().count()) {
        return Ok(text.to_owned());
    }
    let why = format!("the claim {name:?} must name the token's bearer, in 1 to 255 characters");
    Err(Denied::Unknown(why))
}

/// The highest role that a value of the role claim stands for.
fn role(trust: &Trust, claims: &Map<String, Value>) -> Result<Role, Denied> {
    let name = &trust.role_claim;
    let values = match claim(claims, name) {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mapped = values.iter().filter_map(|it| trust.roles.get(it.as_str()?));
    mapped.max().copied().ok_or_else(|| {
        Denied::Roleless(format!(
            "the token gives no role here: its claim {name:?} holds none that auth.oidc.roles maps; ask an admin"
        ))
    })
}

/// A merchant is told by its owner. Others have one only as the owner of what they create.
fn owner(
    trust: &Trust,
    claims: &Map<String, Value>,
    role: Role,
    subject: &str,
) -> Result<Owner, Denied> {
    let name = trust.owner_claim.as_deref();
    let text = name
        .and_then(|name| claim(claims, name))
        .and_then(Value::as_str);
    let found = match text {
        None if role == Role::Merchant => None,
        text => text.unwrap_or(subject).parse().ok(),
    };
    found.ok_or_else(|| {
        let place = name.map_or("auth.oidc.ownerClaim is not set".to_owned(), |name| {
            format!("its claim {name:?} must be a text of 1 to 100 characters")
        });
        Denied::Roleless(format!("the token names no owner: {place}; ask an admin"))
    })
}

/// A claim by its name, or by its path where dots lead into objects (`realm_access.roles`).
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (first, rest) = name.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_000_000;

    fn judge(change: &Value) -> Result<Caller, Denied> {
        let trust = Trust {
            issuer: "https://id.example".to_owned(),
            audience: "fleet".to_owned(),
            subject_claim: "sub".to_owned(),
            role_claim: "realm_access.roles".to_owned(),
            owner_claim: Some("https://example.com/owner".to_owned()),
            roles: [("shop", Role::Merchant), ("ops", Role::Operator)]
                .map(|(value, role)| (value.to_owned(), role))
                .into(),
        };
        let mut claims = json!({
            "iss": "https://id.example", "aud": "fleet", "sub": "ann", "exp": NOW + 10, "iat": NOW,
            "realm_access": {"roles": ["shop", "other"]}, "https://example.com/owner": "Ann's",
        });
        json_patch::merge(&mut claims, change);
        let claims = claims.as_object().expect("an object");
        caller(&trust, claims, Timestamp::from_second(NOW).expect("a time"))
    }

    #[test]
    fn a_good_token_names_its_bearer() {
        let caller = judge(&json!({})).expect("good");
        assert_eq!(caller.subject, "oidc:ann");
        assert_eq!(caller.owner.as_str(), "Ann's");
        assert_eq!(caller.role, Role::Merchant);
    }

    #[test]
    fn who_it_is_for_and_when() {
        let table = [
            (json!({"iss": "https://id.example/"}), false),
            (json!({"iss": null}), false),
            (json!({"aud": "other"}), false),
            (json!({"aud": null}), false),
            (json!({"aud": ["other", "fleet"]}), true),
            (json!({"aud": ["other"]}), false),
            (json!({"aud": []}), false),
            (json!({"exp": null}), false),
            (json!({"exp": "soon"}), false),
            (json!({"exp": NOW - 59}), true),
            (json!({"exp": NOW - 60}), false),
            (json!({"exp": 999_940.5}), true),
            (json!({"nbf": NOW + 60}), true),
            (json!({"nbf": NOW + 61}), false),
            (json!({"iat": NOW + 61}), false),
            (json!({"iat": null}), true),
            (json!({"sub": null}), false),
            (json!({"sub": ""}), false),
            (json!({"sub": "a\nb"}), false),
        ];
        for (change, good) in table {
            match judge(&change) {
                Ok(_) => assert!(good, "{change}"),
                Err(Denied::Unknown(why)) => assert!(!good && why.len() > 10, "{change}: {why}"),
                Err(other) => panic!("{change}: {other}"),
            }
        }
    }

    #[test]
    fn roles_and_owners_come_from_claims() {
        let roles = |it: Value| json!({"realm_access": {"roles": it}});
        let highest = judge(&roles(json!(["ops", "shop"]))).expect("good");
        assert_eq!(highest.role, Role::Operator);
        assert_eq!(
            judge(&roles(json!("ops"))).expect("a text").role,
            Role::Operator
        );
        for none in [
            json!([]),
            json!("root"),
            json!(7),
            json!(null),
            json!({"ops": 1}),
        ] {
            let denied = judge(&roles(none.clone())).expect_err("no role");
            assert!(matches!(denied, Denied::Roleless(_)), "{none}");
        }
        let ownerless = json!({"https://example.com/owner": null});
        assert!(matches!(judge(&ownerless), Err(Denied::Roleless(_))));
        let mut operator = ownerless;
        json_patch::merge(&mut operator, &roles(json!("ops")));
        assert_eq!(judge(&operator).expect("good").owner.as_str(), "ann");
    }
}
