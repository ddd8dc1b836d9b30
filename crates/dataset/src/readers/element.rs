//! Numbers as binary files hold them.

/// A type of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    I8,
    U16,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Element {
    /// Bytes of a number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// The numbers in `bytes`, into `numbers`. Exact but for integers beyond 2^53, which are rounded to nearest.
    pub(super) fn decode(self, big_endian: bool, bytes: &[u8], numbers: &mut [f64]) {
        for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(self.size())) {
            let mut word = [0; 8];
            let put = |(to, from): (&mut u8, &u8)| *to = *from;
            if big_endian {
                word.iter_mut().zip(bytes.iter().rev()).for_each(put);
            } else {
                word.iter_mut().zip(bytes).for_each(put);
            }
            *number = self.number(word);
        }
    }

    /// The number in the first bytes of a little-endian word.
    #[expect(clippy::as_conversions, reason = "rounds to nearest")]
    fn number(self, word: [u8; 8]) -> f64 {
        let [a, b, c, d, ..] = word;
        match self {
            Self::U8 => f64::from(a),
            Self::I8 => f64::from(a.cast_signed()),
            Self::U16 => f64::from(u16::from_le_bytes([a, b])),
            Self::I16 => f64::from(i16::from_le_bytes([a, b])),
            Self::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Self::I64 => i64::from_le_bytes(word) as f64,
            Self::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Self::F64 => f64::from_le_bytes(word),
        }
    }
}
