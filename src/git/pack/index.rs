//! The index of a pack: where each object begins, found by its name (gitformat-pack(5), "Version 2 pack-*.idx files").
//!
//! Must not know: what a pack holds. Pure.

use crate::git::hash::sha1;
use crate::git::object::ObjectId;

/// One object of a pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) id: ObjectId,
    /// Where it begins.
    pub(super) offset: u32,
    /// CRC-32 of its header and compressed bytes.
    pub(super) crc: u32,
}

/// The bytes of the index of a pack that ends in `pack_sum`. Packs of ours are far below 2 GiB, so no offset needs the
/// table of large ones.
pub(super) fn bytes(mut places: Vec<Place>, pack_sum: &[u8; 20]) -> Vec<u8> {
    places.sort_unstable_by_key(|place| place.id);
    let mut out = Vec::with_capacity(8 + 1024 + places.len() * 28 + 40);
    out.extend_from_slice(b"\xfftOc\0\0\0\x02");
    for count in fan_out(&places) {
        out.extend_from_slice(&count.to_be_bytes());
    }
    for place in &places {
        out.extend_from_slice(&place.id.0);
    }
    for place in &places {
        out.extend_from_slice(&place.crc.to_be_bytes());
    }
    for place in &places {
        out.extend_from_slice(&place.offset.to_be_bytes());
    }
    out.extend_from_slice(pack_sum);
    let sum = sha1(&out);
    out.extend_from_slice(&sum);
    out
}

/// How many objects have a first byte of at most 0, 1, … 255.
fn fan_out(sorted: &[Place]) -> [u32; 256] {
    let mut counts = [0_u32; 256];
    for place in sorted {
        counts[usize::from(place.id.0[0])] += 1;
    }
    let mut sum = 0;
    counts.map(|count| {
        sum += count;
        sum
    })
}
