//! The header of one object in a pack: its kind and size, and for a delta the way back to what it builds on.
//!
//! Must not know: packs as files. Pure.

use crate::git::read::ObjectKind;

/// What stands in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// A whole object.
    Whole(ObjectKind),
    /// A delta against the object that begins this many bytes earlier in the same pack (`OBJ_OFS_DELTA`).
    Delta(u64),
}

/// Writes the header of an object whose content (or delta) has `size` bytes before compression.
pub(super) fn write(to: &mut Vec<u8>, stored: Stored, size: usize) {
    let code = match stored {
        Stored::Whole(ObjectKind::Commit) => 1,
        Stored::Whole(ObjectKind::Tree) => 2,
        Stored::Whole(ObjectKind::Blob) => 3,
        Stored::Delta(_) => 6,
    };
    // Four bits of the size beside the kind, then seven a byte, the least significant ones first.
    let mut rest = size >> 4;
    let mut byte = (code << 4) | low_bits(size, 0x0f);
    while rest > 0 {
        to.push(byte | 0x80);
        byte = low_bits(rest, 0x7f);
        rest >>= 7;
    }
    to.push(byte);
    if let Stored::Delta(back) = stored {
        write_distance(to, back);
    }
}

/// Seven bits a byte, the most significant ones first; each byte that goes on counts one more, so that no distance has
/// two spellings.
fn write_distance(to: &mut Vec<u8>, distance: u64) {
    let mut bytes = [0_u8; 10];
    let mut at = bytes.len() - 1;
    let mut rest = distance;
    bytes[at] = (rest & 0x7f).to_le_bytes()[0];
    while rest >> 7 != 0 {
        rest = (rest >> 7) - 1;
        at -= 1;
        bytes[at] = 0x80 | (rest & 0x7f).to_le_bytes()[0];
    }
    to.extend_from_slice(&bytes[at..]);
}

fn low_bits(number: usize, mask: u8) -> u8 {
    // One byte is left after the mask.
    number.to_le_bytes()[0] & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_format() {
        let header = |stored, size| {
            let mut bytes = Vec::new();
            write(&mut bytes, stored, size);
            bytes
        };
        assert_eq!(header(Stored::Whole(ObjectKind::Blob), 5), [0x35]);
        assert_eq!(header(Stored::Whole(ObjectKind::Commit), 16), [0x90, 0x01]);
        assert_eq!(
            header(Stored::Whole(ObjectKind::Tree), 0x1234),
            [0xa4, 0xa3, 0x02]
        );
        assert_eq!(header(Stored::Delta(127), 1), [0x61, 0x7f]);
        assert_eq!(header(Stored::Delta(128), 1), [0x61, 0x80, 0x00]);
        assert_eq!(header(Stored::Delta(16_512), 1), [0x61, 0x80, 0x80, 0x00]);
    }

    /// Reads a header as the format describes it: the size, the distance, and how many bytes they took.
    fn read(bytes: &[u8]) -> (u64, u64, usize) {
        let (mut size, mut shift, mut at) = (u64::from(bytes[0] & 0x0f), 4, 1);
        while bytes[at - 1] & 0x80 != 0 {
            size |= u64::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
        }
        let mut distance = u64::from(bytes[at] & 0x7f);
        while bytes[at] & 0x80 != 0 {
            at += 1;
            distance = ((distance + 1) << 7) | u64::from(bytes[at] & 0x7f);
        }
        (size, distance, at + 1)
    }

    #[test]
    fn what_is_written_is_read_at_every_border() {
        // Where a byte is added: to sizes at 16, 2,048, …, to distances at 128, 16,512, …
        let borders = (0..31).flat_map(|bits| (-1..=1).map(move |off| (1_i64 << bits) + off));
        let more = [16_511, 16_512, 16_513, 2_113_663, 2_113_664, 2_113_665];
        for number in borders.chain(more).filter(|number| *number > 0) {
            let number = number.unsigned_abs();
            let size = usize::try_from(number).unwrap();
            let mut bytes = Vec::new();
            write(&mut bytes, Stored::Delta(number), size);
            assert_eq!(read(&bytes), (number, number, bytes.len()));
        }
        for (size, length) in [
            (15, 1),
            (16, 2),
            (2_047, 2),
            (2_048, 3),
            (0x3_ffff, 3),
            (0x4_0000, 4),
        ] {
            let mut bytes = Vec::new();
            write(&mut bytes, Stored::Whole(ObjectKind::Blob), size);
            assert_eq!(bytes.len(), length, "{size}");
        }
    }
}
