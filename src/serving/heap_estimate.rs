//! An upper estimate of the heap memory that a JSON body takes while it is read and decoded.

use crate::module::json_memory;

/// Bytes of memory per byte of text: the text is held twice while the chunks of a body are joined, and once more as the
/// decoded string values.
const PER_BYTE: usize = 3;

/// Bytes of memory for an object with up to eleven entries.
const PER_OBJECT: usize = json_memory::map(1);

/// Bytes of memory for an array with up to four elements: a `Vec` of values allocates room for four at once.
const PER_ARRAY: usize = json_memory::list(4);

/// Bytes of memory for each further entry or element: a value, the text of its key, and spare capacity.
const PER_ENTRY: usize = 128;

/// Returns how many bytes of heap `chunk`, a body or a part of one, takes at most until the request is answered.
///
/// The smallest JSON object is seven bytes of text and about a hundred times as large in memory, so the size of the text alone
/// is no bound. The estimate counts every brace, bracket and comma, also those within strings: finding out which are within
/// strings would take as long as parsing. The estimate may therefore be too high, but never too low. The estimates of the
/// chunks of a body add up to the estimate of the whole body.
pub(super) fn heap_estimate(chunk: &[u8]) -> usize {
    let structure = |byte: &u8| match byte {
        b'{' => PER_OBJECT,
        b'[' => PER_ARRAY,
        b',' => PER_ENTRY,
        _ => 0,
    };
    chunk.iter().fold(0, |bytes, byte| bytes + PER_BYTE + structure(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_counts_three_times_its_length() {
        assert_eq!(heap_estimate(b"\"text\""), 18);
        assert_eq!(heap_estimate(b""), 0);
    }

    #[test]
    fn the_smallest_objects_take_the_most_memory_per_byte() {
        let per_byte = |text: &str| heap_estimate(text.as_bytes()) / text.len();
        let (objects, arrays, numbers) = (per_byte("{\"\":0},"), per_byte("[0],"), per_byte("0,"));
        assert!(objects > 100 && objects > arrays && arrays > numbers && numbers > 60, "{objects} {arrays} {numbers}");
    }

    #[test]
    fn the_estimates_of_the_chunks_add_up_to_that_of_the_body() {
        let body = br#"{"a": [{"b": "c"}, {}, 1], "d": null}"#;
        let whole = heap_estimate(body);
        for middle in 0..body.len() {
            assert_eq!(heap_estimate(&body[..middle]) + heap_estimate(&body[middle..]), whole);
        }
    }
}
