//! Writes protobuf straight into a buffer, without a struct in between: the bytes that prost
//! would give for the same fields.

/// A message being written.
pub(super) struct ProtoWriter<'a>(&'a mut Vec<u8>);

const VARINT: u64 = 0;
const LENGTH: u64 = 2;

impl<'a> ProtoWriter<'a> {
    /// Fields go to the end of `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A field that is there even if it is 0.
    pub(super) fn present(&mut self, tag: u64, value: u64) {
        self.raw(tag << 3 | VARINT);
        self.raw(value);
    }

    /// A number; 0 is left out.
    pub(super) fn number(&mut self, tag: u64, value: u64) {
        if value != 0 {
            self.present(tag, value);
        }
    }

    /// An `optional` number.
    pub(super) fn optional(&mut self, tag: u64, value: Option<u64>) {
        if let Some(value) = value {
            self.present(tag, value);
        }
    }

    /// `int64`.
    pub(super) fn signed(&mut self, tag: u64, value: i64) {
        self.number(tag, value.cast_unsigned());
    }

    /// `sint64`.
    pub(super) fn zigzag(&mut self, tag: u64, value: i64) {
        self.number(tag, (value << 1 ^ value >> 63).cast_unsigned());
    }

    /// Bytes or text that is there even if it is empty.
    pub(super) fn present_bytes(&mut self, tag: u64, value: &[u8]) {
        self.raw(tag << 3 | LENGTH);
        self.raw(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Bytes or text; empty is left out.
    pub(super) fn bytes(&mut self, tag: u64, value: &[u8]) {
        if !value.is_empty() {
            self.present_bytes(tag, value);
        }
    }

    /// A message inside this one.
    pub(super) fn message(&mut self, tag: u64, fields: impl FnOnce(&mut ProtoWriter<'_>)) {
        self.raw(tag << 3 | LENGTH);
        let start = self.0.len();
        self.0.push(0);
        fields(&mut ProtoWriter(self.0));
        let mut length = self.0.len() - start - 1;
        if length < 0x80 {
            self.0[start] = length as u8;
            return;
        }
        // The length needs more than the byte that was kept for it.
        let mut head = [0; 10];
        let mut used = 0;
        while length >= 0x80 {
            head[used] = length as u8 | 0x80;
            length >>= 7;
            used += 1;
        }
        head[used] = length as u8;
        self.0.splice(start..=start, head[..=used].iter().copied());
    }
}
