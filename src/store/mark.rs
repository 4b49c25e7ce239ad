//! Where a reader of the journal stands.

/// The newest commit that was taken in. Ordered by `seq`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// Number of the commit, gapless over epochs; 0 before the first.
    pub(super) seq: u64,
    /// Number of the epoch, from 1.
    pub(super) epoch_no: u32,
    /// Newest position in it.
    pub(super) pos: u64,
}

impl Mark {
    pub(super) fn to_bytes(self) -> [u8; 20] {
        let mut out = [0; 20];
        out[..8].copy_from_slice(&self.seq.to_be_bytes());
        out[8..12].copy_from_slice(&self.epoch_no.to_be_bytes());
        out[12..].copy_from_slice(&self.pos.to_be_bytes());
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut cut = Cut(bytes);
        let mark = Self { seq: cut.u64()?, epoch_no: cut.u32()?, pos: cut.u64()? };
        cut.0.is_empty().then_some(mark)
    }
}

/// Takes fixed-length fields off the front of bytes.
pub(super) struct Cut<'a>(pub(super) &'a [u8]);

impl Cut<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}
