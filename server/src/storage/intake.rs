//! A body on its way into pieces.

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::PIECE_BYTES;

/// Longest pause within a body.
const PAUSE: Duration = Duration::from_secs(30);

/// Why no more of a body came into a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The piece is full; there may be more.
    Full,
    /// The body has ended.
    End,
    /// The body broke off.
    Cut(String),
    /// The body is longer than it may be.
    TooLong,
}

/// A body that is read piece by piece, at most so many bytes.
pub(crate) struct Intake<S> {
    body: Pin<Box<S>>,
    rest: Bytes,
    allowed: u64,
}

impl<S, E> Intake<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: fmt::Display,
{
    pub(crate) fn new(body: S, allowed: u64) -> Self {
        Self { body: Box::pin(body), rest: Bytes::new(), allowed }
    }

    /// Adds to a piece, which may have a beginning, until it is full or nothing more comes. `seen` gets what is added.
    pub(crate) async fn fill(&mut self, piece: &mut Vec<u8>, mut seen: impl FnMut(&[u8])) -> Stop {
        loop {
            let room = PIECE_BYTES - piece.len();
            if room == 0 {
                return Stop::Full;
            }
            if self.rest.is_empty() {
                match tokio::time::timeout(PAUSE, self.body.next()).await {
                    Ok(Some(Ok(bytes))) => self.rest = bytes,
                    Ok(Some(Err(error))) => return Stop::Cut(error.to_string()),
                    Ok(None) => return Stop::End,
                    Err(_) => return Stop::Cut(format!("nothing came for {} s", PAUSE.as_secs())),
                }
                if self.rest.len() as u64 > self.allowed {
                    return Stop::TooLong;
                }
                self.allowed -= self.rest.len() as u64;
            }
            if piece.capacity() == 0 {
                // All at once: a piece that grew by doubling would leave as much again behind for the allocator to keep.
                let left = self.rest.len() as u64 + self.allowed;
                piece.reserve_exact(usize::try_from(left).map_or(room, |left| left.min(room)));
            }
            let taken = self.rest.split_to(room.min(self.rest.len()));
            seen(&taken);
            piece.extend_from_slice(&taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: Vec<Result<Vec<u8>, &'static str>>) -> impl Stream<Item = Result<Bytes, &'static str>> {
        futures_util::stream::iter(parts.into_iter().map(|part| part.map(Bytes::from)))
    }

    #[tokio::test]
    async fn pieces_are_full_but_for_the_last() {
        let long = vec![7; PIECE_BYTES + 5];
        let mut intake = Intake::new(body(vec![Ok(vec![1, 2]), Ok(long), Ok(vec![9])]), u64::MAX);
        let (mut first, mut second, mut seen) = (vec![0], Vec::new(), 0);
        assert_eq!(intake.fill(&mut first, |bytes| seen += bytes.len()).await, Stop::Full);
        assert_eq!((first.len(), &first[..4], seen), (PIECE_BYTES, &[0, 1, 2, 7][..], PIECE_BYTES - 1));
        assert_eq!(intake.fill(&mut second, |_| ()).await, Stop::End);
        assert_eq!(second, [7, 7, 7, 7, 7, 7, 7, 7, 9]);
    }

    #[tokio::test]
    async fn what_came_before_a_cut_stays() {
        let mut intake = Intake::new(body(vec![Ok(vec![1; 9]), Err("reset")]), 10);
        let mut piece = Vec::new();
        assert_eq!(intake.fill(&mut piece, |_| ()).await, Stop::Cut("reset".to_owned()));
        assert_eq!(piece, [1; 9]);
    }

    #[tokio::test]
    async fn nothing_of_a_part_that_goes_over_the_limit_is_taken() {
        let mut intake = Intake::new(body(vec![Ok(vec![1; 9]), Ok(vec![2; 2])]), 10);
        let mut piece = Vec::new();
        assert_eq!(intake.fill(&mut piece, |_| ()).await, Stop::TooLong);
        assert_eq!(piece, [1; 9]);
    }
}
