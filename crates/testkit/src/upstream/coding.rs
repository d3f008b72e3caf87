//! Codings of bodies, and bombs: bodies that are small until they are decoded.

use std::io::Write as _;

use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress, Status};

/// A content coding of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// gzip.
    Gzip,
    /// zlib, which HTTP calls `deflate`.
    Deflate,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
}

const MIB: usize = 1 << 20;

impl Coding {
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd]
            .into_iter()
            .find(|coding| coding.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    pub(super) fn encode(self, plain: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        let coded = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
                encoder.write_all(plain).map(|()| encoder.into_inner())
            }
            Self::Zstd => zstd::encode_all(plain, 3),
        };
        coded.expect("memory takes it")
    }

    /// Returns so many MiB of zeros, encoded; no encoder has to go through them.
    pub(super) fn bomb(self, mib: usize) -> Vec<u8> {
        match self {
            Self::Gzip => gzip_bomb(mib),
            Self::Deflate => zlib_bomb(mib),
            Self::Brotli => brotli_bomb(mib),
            Self::Zstd => zstd_bomb(mib),
        }
    }
}

/// A stream of deflate that repeats one block of a MiB, which refers to nothing before it.
fn deflate_bomb(mib: usize) -> Vec<u8> {
    let mut encoder = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(64 << 10);
    let status = encoder.compress_vec(&vec![0; MIB], &mut block, FlushCompress::Full);
    assert!(matches!(status, Ok(Status::Ok)) && block.len() < block.capacity());
    let mut stream = block.repeat(mib);
    // The last block: fixed codes, nothing but the code for its end (RFC 1951, 3.2.6).
    stream.extend([3, 0]);
    stream
}

fn gzip_bomb(mib: usize) -> Vec<u8> {
    // RFC 1952: deflate, no flags, no time, no word on the system.
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    file.extend(deflate_bomb(mib));
    let mut sum = flate2::Crc::new();
    let mut block = flate2::Crc::new();
    block.update(&vec![0; MIB]);
    (0..mib).for_each(|_| sum.combine(&block));
    file.extend(sum.sum().to_le_bytes());
    file.extend(sum.amount().to_le_bytes());
    file
}

fn zlib_bomb(mib: usize) -> Vec<u8> {
    // RFC 1950; of zeros the first half of Adler-32 stays 1 and the second counts them.
    let mut file = vec![0x78, 0xda];
    file.extend(deflate_bomb(mib));
    let count = u32::try_from((mib * MIB) % 65_521).expect("below the modulus");
    file.extend((count << 16 | 1).to_be_bytes());
    file
}

fn zstd_bomb(mib: usize) -> Vec<u8> {
    // RFC 8878, 3.1.1: the magic number, no flags, a window of 1 MiB; then blocks that each
    // repeat one byte 128 KiB times (type 1), the greatest that a block may have.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3];
    let blocks = mib * 8;
    for number in 1..=blocks {
        let header: u32 = (128 << 10) << 3 | 1 << 1 | u32::from(number == blocks);
        frame.extend(header.to_le_bytes().into_iter().take(3));
        frame.push(0);
    }
    frame
}

/// RFC 7932. A meta-block of a MiB is four zeros as literals and a copy of the rest from four
/// bytes before.
fn brotli_bomb(mib: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // The smallest window.
    bits.put(0, 1);
    for _ in 0..mib {
        bits.put(0, 1); // not the last
        bits.put(1, 2); // the length has five digits
        bits.put(MIB - 1, 20);
        bits.put(0, 1); // it is compressed
        bits.put(0, 3); // one type of block each
        bits.put(0, 6); // no postfix bits, no direct distances
        bits.put(0, 2); // a context mode
        bits.put(0, 2); // one tree of prefix codes each for literals and distances
        // Codes of one symbol each, which take no bits: the literal 0; insert 4 (code 4) and
        // copy 2118 or more (code 23), which are symbol 384 + (4 << 3) + 7 by the table in
        // section 5; the last distance, which is 4 at the start.
        for (symbol, width) in [(0, 8), (384 + (4 << 3) + 7, 10), (0, 6)] {
            bits.put(1, 2);
            bits.put(0, 2);
            bits.put(symbol, width);
        }
        // The extra bits of the length of the copy.
        bits.put(MIB - 4 - 2118, 24);
    }
    bits.put(3, 2); // the last one, and empty
    bits.bytes
}

/// Bits, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: usize, width: u32) {
        for at in 0..width {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> at & 1 == 1) << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Coding, MIB};

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn decode(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut decoder: Box<dyn Read + '_> = match coding {
            Coding::Gzip => Box::new(flate2::read::GzDecoder::new(coded)),
            Coding::Deflate => Box::new(flate2::read::ZlibDecoder::new(coded)),
            Coding::Brotli => Box::new(brotli::Decompressor::new(coded, 4096)),
            Coding::Zstd => Box::new(zstd::Decoder::new(coded).unwrap()),
        };
        decoder.read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn what_was_encoded_can_be_decoded() {
        for coding in ALL {
            assert_eq!(decode(coding, &coding.encode(b"some text")), b"some text", "{coding:?}");
            assert_eq!(Coding::parse(coding.name()), Some(coding));
        }
    }

    #[test]
    fn a_bomb_is_zeros_and_small() {
        for coding in ALL {
            let plain = decode(coding, &coding.bomb(3));
            assert_eq!(plain.len(), 3 * MIB, "{coding:?}");
            assert!(plain.iter().all(|byte| *byte == 0), "{coding:?}");
            assert!(coding.bomb(1024).len() < 2 * MIB, "{coding:?}");
        }
    }
}
