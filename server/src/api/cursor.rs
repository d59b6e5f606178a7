//! Cursors of lists: opaque to clients, a position to us.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use super::problem::{ApiError, Kind};

/// Most items of a page.
pub(crate) const MOST: u32 = 100;
/// Items of a page if the client does not say.
pub(crate) const USUAL: u32 = 20;

/// How many items to return.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(ApiError::new(Kind::InvalidQuery, format!("`limit` is a number from 1 to {MOST}."))),
    }
}

pub(crate) fn encode<T: Serialize>(position: &T) -> Result<String, ApiError> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(position)?))
}

pub(crate) fn decode<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .map(Some)
        .ok_or_else(|| ApiError::new(Kind::InvalidQuery, "`cursor` is not one that this list gave; start without it."))
}

/// Cuts the item off that was read only to see whether there is a next page; `position` names the last item's place.
pub(crate) fn page<I, P: Serialize>(
    mut items: Vec<I>,
    limit: u32,
    position: impl Fn(&I) -> P,
) -> Result<(Vec<I>, Option<String>), ApiError> {
    if items.len() <= limit as usize {
        return Ok((items, None));
    }
    items.truncate(limit as usize);
    let next = items.last().map(|last| encode(&position(last))).transpose()?;
    Ok((items, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written_and_nothing_else_does() {
        let cursor = encode(&(7u64, 9u64)).unwrap();
        assert_eq!(decode::<(u64, u64)>(Some(&cursor)).unwrap(), Some((7, 9)));
        assert_eq!(decode::<(u64, u64)>(None).unwrap(), None);
        for bad in ["", "!", "bm9wZQ", "WzFd"] {
            assert_eq!(decode::<(u64, u64)>(Some(bad)).unwrap_err().kind(), Kind::InvalidQuery, "{bad}");
        }
        assert!(limit(Some(0)).is_err() && limit(Some(101)).is_err() && limit(None).unwrap() == USUAL);
    }

    #[test]
    fn only_a_full_page_has_a_next() {
        let (items, next) = page(vec![3, 2, 1], 2, |i| *i).unwrap();
        assert_eq!((items, decode::<i32>(next.as_deref()).unwrap()), (vec![3, 2], Some(2)));
        assert_eq!(page(vec![3, 2], 2, |i| *i).unwrap(), (vec![3, 2], None));
    }
}
