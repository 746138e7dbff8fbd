//! Cursors: a place in a list as an opaque text, with a check that tells those we never gave.
//!
//! A cursor names a place and not a number of items, so what comes and goes between two pages shifts nothing. Must not
//! know: what is listed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::domain::request::{Refusal, Violation};

/// Bytes of the check.
const CHECK: usize = 4;

/// A place in the list of this name, as an opaque text.
pub(super) fn write(list: &str, place: &impl Serialize) -> String {
    let mut bytes = serde_json::to_vec(place).expect("a place is numbers and texts");
    let check = check(list, &bytes);
    bytes.extend(check);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place that a text names.
///
/// # Errors
/// `Invalid`: it is none of ours, or one of another list or order.
pub(super) fn read<T: DeserializeOwned>(
    list: &str,
    text: Option<&str>,
) -> Result<Option<T>, Refusal> {
    let Some(text) = text else {
        return Ok(None);
    };
    let place = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (place, told) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
        (check(list, place) == *told)
            .then(|| serde_json::from_slice(place).ok())
            .flatten()
    };
    let unknown = || {
        let detail = "is no cursor of this list and order; begin again without one";
        Refusal::Invalid(vec![Violation::new("/query/cursor", detail)])
    };
    place().map(Some).ok_or_else(unknown)
}

fn check(list: &str, place: &[u8]) -> [u8; CHECK] {
    let mut hash = Sha256::new();
    hash.update(list);
    hash.update([0]);
    hash.update(place);
    let hash = hash.finalize();
    std::array::from_fn(|at| hash[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_in_its_own_list_only() {
        let place = ("shop".to_owned(), 7_u64);
        let text = write("stores name", &place);
        let read_as = |list: &str, text: &str| read::<(String, u64)>(list, Some(text));
        assert_eq!(read_as("stores name", &text).ok(), Some(Some(place)));
        assert!(read_as("stores -name", &text).is_err(), "another order");
        for bad in ["", "shop", "AAAA", &text[1..], &format!("{text}A")] {
            assert!(read_as("stores name", bad).is_err(), "{bad}");
        }
        assert_eq!(read::<u64>("stores name", None).ok(), Some(None));
    }
}
