//! What can be done, whoever asks: by the REST API, by GraphQL, by git or by a person of a test.

pub(crate) mod checks;
pub(crate) mod issues;
pub(crate) mod merge;
pub(crate) mod mergeable;
pub(crate) mod pulls;
pub(crate) mod pushes;
pub(crate) mod queue;
pub(crate) mod reviews;
