//! Canonical bytes: every field behind its length, so that no two lists of fields look the same.

use super::VaultError;

/// Writes length-prefixed fields.
#[derive(Default)]
pub(super) struct FieldWriter(Vec<u8>);

impl FieldWriter {
    pub(super) fn bytes(mut self, field: &[u8]) -> Self {
        // A field of 4 GiB does not fit any row of ours; the length is cut for all, not wrapped.
        let len = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    pub(super) fn u64(self, field: u64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    pub(super) fn i64(self, field: i64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what `FieldWriter` wrote.
pub(super) struct FieldReader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], VaultError> {
        let bad = VaultError::Format { what: self.what };
        let (len, rest) = self.rest.split_first_chunk::<4>().ok_or(bad)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| bad)?;
        let (field, rest) = rest.split_at_checked(len).ok_or(bad)?;
        self.rest = rest;
        Ok(field)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], VaultError> {
        let what = self.what;
        self.bytes()?.try_into().map_err(|_| VaultError::Format { what })
    }

    pub(super) fn u64(&mut self) -> Result<u64, VaultError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, VaultError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn text(&mut self) -> Result<String, VaultError> {
        let what = self.what;
        let bytes = self.bytes()?;
        String::from_utf8(bytes.to_vec()).map_err(|_| VaultError::Format { what })
    }

    pub(super) fn end(&self) -> Result<(), VaultError> {
        if self.rest.is_empty() { Ok(()) } else { Err(VaultError::Format { what: self.what }) }
    }
}
