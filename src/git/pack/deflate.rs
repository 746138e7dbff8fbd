//! Compression of one object: zlib streams (RFC 1950), as a pack holds them.
//!
//! Must not know: what is compressed.

use flate2::{Compress, Compression, FlushCompress, Status};

/// A compressor that is used again for every object: setting one up costs more than a small object.
pub(super) struct Deflater(Compress);

impl Deflater {
    pub(super) fn new() -> Self {
        // Level 1: a higher one costs several times as much for a tenth less. Git compresses again when it repacks.
        Self(Compress::new(Compression::fast(), true))
    }

    /// The zlib stream of `bytes`.
    pub(super) fn deflate(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.reset();
        // Room for what does not shrink; the rest is given back.
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8 + 64);
        loop {
            let done = usize::try_from(self.0.total_in()).unwrap_or(usize::MAX);
            let status = self
                .0
                .compress_vec(&bytes[done..], &mut out, FlushCompress::Finish)
                .expect("a compressor that was just reset takes any input");
            if status == Status::StreamEnd {
                out.shrink_to_fit();
                return out;
            }
            out.reserve(out.capacity().max(64));
        }
    }
}

/// The zlib stream that holds `bytes` as they are: for what is short and does not shrink.
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 0xffff;
    let mut out = Vec::with_capacity(bytes.len() + 11);
    // Deflate with a window of 32 KiB, fastest level, no dictionary.
    out.extend_from_slice(&[0x78, 0x01]);
    let mut blocks = bytes.chunks(BLOCK).peekable();
    loop {
        let block = blocks.next().unwrap_or_default();
        let last = blocks.peek().is_none();
        let length = u16::try_from(block.len()).expect("a block fits its length");
        out.push(u8::from(last));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
        if last {
            break;
        }
    }
    out.extend_from_slice(&adler32(bytes).to_be_bytes());
    out
}

/// The checksum that ends a zlib stream (RFC 1950, section 9).
fn adler32(bytes: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    // So many bytes cannot overflow the sums.
    for run in bytes.chunks(5_552) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    (b << 16) | a
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut deflater = Deflater::new();
        let noise: Vec<u8> = (0..200_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
            .collect();
        let zeros = vec![0; 70_000];
        for bytes in [&b""[..], b"a", b"kind: Store\n", &zeros, &noise] {
            for stream in [deflater.deflate(bytes), stored(bytes)] {
                let mut out = Vec::new();
                let mut reader = flate2::read::ZlibDecoder::new(stream.as_slice());
                reader.read_to_end(&mut out).unwrap();
                assert_eq!(out, bytes);
            }
        }
        assert!(deflater.deflate(&zeros).len() < 1_000);
    }
}
