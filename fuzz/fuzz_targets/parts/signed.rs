//! Archives whose headers have the checksums that they ought to have: without, hardly any change of
//! a header would be looked at.

const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// `bytes` with a right checksum in each block that says it is a header; unless its first byte is
/// odd, so that wrong ones are seen too.
pub fn signed(bytes: &[u8]) -> Vec<u8> {
    let mut archive = bytes.to_vec();
    let wanted = archive.first().is_none_or(|first| first % 2 == 0);
    for block in archive.chunks_exact_mut(BLOCK).filter(|_| wanted) {
        if block[257..].starts_with(b"ustar") {
            block[CHECKSUM].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    archive
}
