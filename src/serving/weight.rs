//! What a body takes of memory.

/// For a byte: it is held twice while the parts of a body are put together, and once more as text of a value.
const BYTE: usize = 3;

/// For the first entries of an object: however few, the node of a map has room for eleven.
const OBJECT: usize = 640;

/// For the first elements of an array: however few, there is room for four.
const ARRAY: usize = 160;

/// For each further entry or element: a value and the text of its key, and room for others that may follow.
const ENTRY: usize = 128;

/// Bytes of memory that `body`, or a part of one, takes at most until it is answered, read as JSON: the smallest object is
/// seven bytes of text, and a hundred times as large in memory. Braces and commas inside of texts count too, for it must not
/// take longer to weigh a body than to read it; that is too much for some, and never too little.
pub(super) fn weight(body: &[u8]) -> usize {
    let weigh = |weight: usize, byte: &u8| {
        weight
            + BYTE
            + match byte {
                b'{' => OBJECT,
                b'[' => ARRAY,
                b',' => ENTRY,
                _ => 0,
            }
    };
    body.iter().fold(0, weigh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_weighs_three_times_its_length() {
        assert_eq!(weight(b"\"text\""), 18);
        assert_eq!(weight(b""), 0);
    }

    #[test]
    fn the_smallest_objects_weigh_most() {
        let per_byte = |text: &str| weight(text.as_bytes()) / text.len();
        let (objects, arrays, numbers) = (per_byte("{\"\":0},"), per_byte("[0],"), per_byte("0,"));
        assert!(objects > 100 && objects > arrays && arrays > numbers && numbers > 60, "{objects} {arrays} {numbers}");
    }

    #[test]
    fn the_parts_of_a_body_weigh_what_the_whole_does() {
        let body = br#"{"a": [{"b": "c"}, {}, 1], "d": null}"#;
        let whole = weight(body);
        for middle in 0..body.len() {
            assert_eq!(weight(&body[..middle]) + weight(&body[middle..]), whole);
        }
    }
}
