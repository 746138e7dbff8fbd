//! One object as the difference to another: copy a part, insert bytes, copy a part.
//!
//! A tree of thousands of names changes in one place per commit, so what both begin and end with is copied and the
//! middle is inserted; no search is made for parts that moved. Must not know: packs, trees. Pure.

/// The longest run that one copy can take.
const COPY: usize = 0x00ff_ffff;
/// The longest run that one insertion can hold.
const INSERT: usize = 0x7f;

/// The delta that makes `new` of `old` (gitformat-pack(5), "Deltified representation").
pub(super) fn make(old: &[u8], new: &[u8]) -> Vec<u8> {
    let front = common_front(old, new);
    let back = common_back(&old[front..], &new[front..]);
    let mut delta = Vec::with_capacity(32 + new.len() - front - back);
    size(&mut delta, old.len());
    size(&mut delta, new.len());
    copy(&mut delta, 0, front);
    for run in new[front..new.len() - back].chunks(INSERT) {
        delta.push(u8::try_from(run.len()).expect("a run is at most 127 bytes long"));
        delta.extend_from_slice(run);
    }
    copy(&mut delta, old.len() - back, back);
    delta
}

/// What a delta makes of `old`; `None` when it is none of `old`'s.
pub(super) fn apply(old: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    if read_size(&mut rest)? != old.len() {
        return None;
    }
    let length = read_size(&mut rest)?;
    let mut new = Vec::with_capacity(length);
    while let Some((&code, after)) = rest.split_first() {
        rest = after;
        if code & 0x80 == 0 {
            let run = rest.get(..usize::from(code))?;
            new.extend_from_slice(run);
            rest = &rest[run.len()..];
        } else {
            let offset = read_bytes(&mut rest, code, 4)?;
            let length = read_bytes(&mut rest, code >> 4, 3)?;
            new.extend_from_slice(old.get(offset..offset + length)?);
        }
    }
    (new.len() == length).then_some(new)
}

/// How many bytes are compared at once.
const STRIDE: usize = 32;

/// How many bytes both begin with.
fn common_front(old: &[u8], new: &[u8]) -> usize {
    let strides = old.chunks_exact(STRIDE).zip(new.chunks_exact(STRIDE));
    let far = STRIDE * strides.take_while(|(old, new)| old == new).count();
    let rest = old[far..].iter().zip(&new[far..]);
    far + rest.take_while(|(old, new)| old == new).count()
}

/// How many bytes both end with.
fn common_back(old: &[u8], new: &[u8]) -> usize {
    let strides = old.rchunks_exact(STRIDE).zip(new.rchunks_exact(STRIDE));
    let far = STRIDE * strides.take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - far], &new[..new.len() - far]);
    let rest = old.iter().rev().zip(new.iter().rev());
    far + rest.take_while(|(old, new)| old == new).count()
}

/// A size: seven bits a byte, the least significant ones first.
fn size(to: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        to.push(0x80 | (number.to_le_bytes()[0] & 0x7f));
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

/// Copies: a byte that says which bytes of offset and length follow; what does not follow is zero.
fn copy(to: &mut Vec<u8>, mut offset: usize, mut length: usize) {
    while length > 0 {
        let run = length.min(COPY);
        let at = to.len();
        to.push(0x80);
        for (bit, byte) in offset.to_le_bytes().into_iter().take(4).enumerate() {
            if byte != 0 {
                to[at] |= 1 << bit;
                to.push(byte);
            }
        }
        for (bit, byte) in run.to_le_bytes().into_iter().take(3).enumerate() {
            if byte != 0 {
                to[at] |= 0x10 << bit;
                to.push(byte);
            }
        }
        offset += run;
        length -= run;
    }
}

fn read_size(from: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn read_bytes(from: &mut &[u8], present: u8, most: u32) -> Option<usize> {
    let mut number = 0;
    for at in 0..most {
        if present & (1 << at) != 0 {
            let (&byte, rest) = from.split_first()?;
            *from = rest;
            number |= usize::from(byte) << (8 * at);
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_makes_the_new_of_the_old() {
        let long: Vec<u8> = (0..70_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let mut changed = long.clone();
        changed.splice(40_000..40_020, [7; 300]);
        let texts: [(&[u8], &[u8]); 8] = [
            (b"", b""),
            (b"", b"new"),
            (b"old", b""),
            (b"same", b"same"),
            (b"aaaa", b"aaa"),
            (b"aaa", b"aaaa"),
            (b"head old tail", b"head new tail"),
            (&long, &changed),
        ];
        for (old, new) in texts {
            let delta = make(old, new);
            assert_eq!(apply(old, &delta).as_deref(), Some(new));
            assert_eq!(apply(b"something else", &delta), None);
        }
        assert!(make(&long, &changed).len() < 330);
    }

    #[test]
    fn copies_are_as_long_as_they_need_to_be() {
        // Lengths and places where a byte of an instruction appears, is left out, or overflows into another copy.
        for length in [1, 0xff, 0x100, 0xffff, 0x1_0000, 0x1_0001, COPY, COPY + 1] {
            let old = vec![7; length];
            for at in [0, length / 2, length - 1, length] {
                let new = [&old[..at], &b"xyz"[..], &old[at..]].concat();
                let there = make(&old, &new);
                assert_eq!(apply(&old, &there).as_deref(), Some(&new[..]), "{length}");
                let back_again = make(&new, &old);
                assert_eq!(
                    apply(&new, &back_again).as_deref(),
                    Some(&old[..]),
                    "{length}"
                );
                assert!(there.len() < 40 && back_again.len() < 40, "{length}");
            }
        }
    }

    #[test]
    fn no_copy_leaves_its_length_out() {
        // A copy without a length is one of 0x10000 bytes to git, and of none to us: it must never be written.
        for length in [0x1_0000, 0x10_0000, 0x80_0000] {
            let mut delta = Vec::new();
            copy(&mut delta, 0, length);
            assert!(delta[0] & 0x70 != 0, "{delta:?}");
            assert_eq!(read_bytes(&mut &delta[1..], delta[0] >> 4, 3), Some(length));
        }
    }

    #[test]
    fn insertions_are_cut_where_the_format_ends() {
        for length in [1, INSERT - 1, INSERT, INSERT + 1, 3 * INSERT] {
            let new = vec![9; length];
            let delta = make(b"old", &new);
            assert_eq!(apply(b"old", &delta).as_deref(), Some(&new[..]));
            let sizes = if length > 0x7f { 3 } else { 2 };
            assert_eq!(delta.len(), sizes + length + length.div_ceil(INSERT));
        }
    }

    #[test]
    fn what_is_no_delta_is_refused() {
        for broken in [
            &b""[..],
            b"\x03",
            b"\x03\x03\x91",
            b"\x03\x03\x91\x01\x05",
            b"\x03\x05\x02ab",
        ] {
            assert_eq!(apply(b"old", broken), None, "{broken:?}");
        }
    }
}
