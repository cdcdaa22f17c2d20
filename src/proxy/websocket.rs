//! Just enough of RFC 6455 to close a websocket between two frames, and with the right code.

/// "Service restart": the client is welcome back (registered with IANA for RFC 6455).
const CODE: u16 = 1012;

/// The close frame that a server sends: final, opcode 8, two bytes that are not masked.
pub(super) fn close_frame() -> [u8; 4] {
    let [high, low] = CODE.to_be_bytes();
    [0x88, 2, high, low]
}

/// Follows the frames in a stream of bytes, without looking at what they carry.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The bytes of the header so far; at most two, eight and four.
    header: Vec<u8>,
    /// What is left of the payload.
    payload: u64,
}

impl Frames {
    /// Whether a frame may begin here.
    pub(super) fn between(&self) -> bool {
        self.header.is_empty() && self.payload == 0
    }

    /// Takes in the bytes that were passed on.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let skip = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
                self.payload -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
            } else if let Some((first, rest)) = bytes.split_first() {
                self.header.push(*first);
                bytes = rest;
                if let Some(length) = payload_length(&self.header) {
                    self.payload = length;
                    self.header.clear();
                }
            }
        }
    }
}

/// The length of the payload once the header is complete (RFC 6455, section 5.2).
fn payload_length(header: &[u8]) -> Option<u64> {
    let second = header.get(1)?;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    if header.len() < 2 + extended + mask {
        return None;
    }
    let length = header.get(2..2 + extended)?;
    if length.is_empty() {
        return Some(u64::from(second & 0x7f));
    }
    Some(length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::Frames;

    #[test]
    fn frames_of_all_lengths_are_followed_in_pieces_of_any_size() {
        let mut stream = vec![0x81, 5, 1, 2, 3, 4, 5];
        stream.extend([0x82, 126, 1, 0].iter().chain(&[7; 256]));
        stream.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0].iter().chain(&vec![9; 65536]));
        stream.extend([0x81, 0x82, 9, 9, 9, 9, 1, 2, 0x89, 0]);
        for size in [1, 2, 3, 7, 100, 1000, stream.len()] {
            let mut frames = Frames::default();
            let mut between = 0;
            for piece in stream.chunks(size) {
                frames.pass(piece);
                between += usize::from(frames.between());
            }
            assert!(frames.between(), "pieces of {size}");
            assert!(size > 1 || between == 5, "5 frames end, {between} were seen");
        }
    }
}
