//! Who asks: the App by a signed claim, its installation or a person by a token, or nobody.

use axum::body::Bytes;
use axum::http::Request;
use base64::Engine as _;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::super::problem::Problem;
use super::super::state::World;
use super::super::state::accounts::Role;
use super::super::state::tokens::{Level, Owner, Permissions};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    Nobody,
    /// The App itself, by its key.
    App,
    /// The App's installation.
    Installation(Grant),
    /// A person, by a token.
    Person(u64, Grant),
}

/// What a token is good for.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) permissions: Permissions,
    /// Whether it reaches the repository.
    pub(crate) reaches: bool,
}

impl Who {
    /// Its name in limits and in the log.
    pub(crate) fn identity(&self, world: &World) -> String {
        match self {
            Self::Nobody => "anonymous".to_owned(),
            Self::App => format!("app:{}", world.app.id),
            Self::Installation(_) => format!("installation:{}", world.app.installation),
            Self::Person(id, _) => format!("user:{id}"),
        }
    }

    /// The account that acts.
    pub(crate) fn account(&self, world: &World) -> Option<u64> {
        match self {
            Self::Nobody | Self::App => None,
            Self::Installation(_) => Some(world.app.bot),
            Self::Person(id, _) => Some(*id),
        }
    }

    /// Whether it may see the repository at all.
    pub(crate) fn sees(&self, world: &World) -> bool {
        match self {
            Self::Nobody => !world.options.private,
            // it is asked where it is installed
            Self::App => true,
            Self::Installation(grant) => grant.reaches || !world.options.private,
            Self::Person(id, grant) => {
                let reads = world.role(*id) >= Role::Read && grant.reaches;
                reads || !world.options.private
            }
        }
    }

    /// Whether it has one of these permissions; a person also needs the role for it.
    pub(crate) fn may(&self, world: &World, any_of: &[(&str, Level)]) -> bool {
        let granted = |grant: &Grant| {
            let mut wanted = any_of.iter();
            any_of.is_empty()
                || wanted.any(|(name, level)| {
                    grant
                        .permissions
                        .get(*name)
                        .is_some_and(|have| have >= level)
                })
        };
        match self {
            Self::App => any_of.is_empty(),
            Self::Nobody => {
                !world.options.private && any_of.iter().all(|(_, level)| *level == Level::Read)
            }
            Self::Installation(grant) | Self::Person(_, grant) => granted(grant) && grant.reaches,
        }
    }

    /// The refusal where [`Who::may`] says no.
    pub(crate) fn refused(&self) -> Problem {
        match self {
            Self::Installation(_) => Problem::new(403, "Resource not accessible by integration"),
            Self::Person(..) => {
                Problem::new(403, "Resource not accessible by personal access token")
            }
            Self::App => Problem::new(401, "A JSON web token could not be decoded"),
            Self::Nobody => Problem::new(401, "Requires authentication"),
        }
    }
}

/// Reads who asks from `Authorization`.
pub(crate) fn who<T>(world: &World, request: &Request<T>) -> Result<Who, Problem> {
    let Some(value) = request.headers().get("authorization") else {
        return Ok(Who::Nobody);
    };
    let value = value.to_str().map_err(|_| bad_credentials())?;
    let (scheme, secret) = value.split_once(' ').ok_or_else(bad_credentials)?;
    let secret = secret.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" if secret.split('.').count() == 3 => app(world, secret),
        "bearer" | "token" => token(world, secret),
        "basic" => basic(world, secret),
        _ => Err(bad_credentials()),
    }
}

/// The name of who asks, without judging it.
pub(crate) fn identity(world: &World, request: &Request<Bytes>) -> String {
    let who = who(world, request).unwrap_or(Who::Nobody);
    who.identity(world)
}

fn bad_credentials() -> Problem {
    Problem::new(401, "Bad credentials")
}

/// Reads `user:token`, as git and curl send it. The user's name does not matter.
pub(crate) fn basic(world: &World, secret: &str) -> Result<Who, Problem> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(secret);
    let text = bytes.ok().and_then(|it| String::from_utf8(it).ok());
    let text = text.ok_or_else(bad_credentials)?;
    let (_, password) = text.split_once(':').ok_or_else(bad_credentials)?;
    token(world, password)
}

fn token(world: &World, secret: &str) -> Result<Who, Problem> {
    let token = world.tokens.get(secret).ok_or_else(bad_credentials)?;
    if token.expires.is_some_and(|at| at <= Timestamp::now()) {
        return Err(bad_credentials());
    }
    let grant = Grant {
        permissions: token.permissions.clone(),
        reaches: token.reaches,
    };
    Ok(match token.owner {
        Owner::Installation => Who::Installation(grant),
        Owner::Person(id) => Who::Person(id, grant),
    })
}

/// The longest life of the App's claim, in seconds; GitHub lets clocks differ a little.
const LONGEST_CLAIM: i64 = 600 + 30;

fn app(world: &World, secret: &str) -> Result<Who, Problem> {
    let refuse = |why: &str| Problem::new(401, why);
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_exp = false;
    rules.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_der(&world.app.public_key);
    let read = jsonwebtoken::decode::<Value>(secret, &key, &rules);
    let claims = read.map_err(|_| refuse("A JSON web token could not be decoded"))?;
    let claims = claims.claims;
    let now = Timestamp::now().as_second();
    let iat = claims["iat"].as_i64().ok_or_else(|| {
        refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    })?;
    if iat > now + 30 {
        return Err(refuse(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    let exp = claims["exp"].as_i64().filter(|exp| *exp > now).ok_or_else(|| {
        refuse(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
             assertion expires",
        )
    })?;
    if exp - now > LONGEST_CLAIM {
        return Err(refuse(
            "'Expiration time' claim ('exp') is too far in the future",
        ));
    }
    let issuer = match &claims["iss"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(refuse("Missing 'issuer' claim ('iss') in assertion")),
    };
    let client = format!("Iv23li{}", world.app.id);
    if issuer != world.app.id.to_string() && issuer != client {
        return Err(Problem::new(404, "Integration not found"));
    }
    Ok(Who::App)
}
