//! A job's changes as they happen: server-sent events (WHATWG HTML, section 9.2), reconnecting where they broke off.

use std::{collections::VecDeque, time::Duration};

use atoll_protocol::api::JobEvent;
use reqwest::{Method, Response, header};
use uuid::Uuid;

use super::{Client, ClientError};

/// Longest line that is kept; the server's events are far below.
const MAX_LINE: usize = 1 << 20;
/// Reconnections in a row that may fail before the caller hears of it.
const MAX_FAILURES: u32 = 5;

/// The changes of one job, from [`Client::job_events`].
pub struct JobEvents {
    client: Client,
    job: Uuid,
    last: Option<i64>,
    response: Option<Response>,
    lines: Lines,
    ready: VecDeque<JobEvent>,
    failures: u32,
    /// Nothing came yet on this connection.
    silent: bool,
    ended: bool,
}

impl JobEvents {
    pub(super) fn new(client: Client, job: Uuid, last: Option<i64>) -> Self {
        Self {
            client,
            job,
            last,
            response: None,
            lines: Lines::default(),
            ready: VecDeque::new(),
            failures: 0,
            silent: true,
            ended: false,
        }
    }

    /// The next change; none once the job has ended.
    ///
    /// # Errors
    /// A refusal of the server at once; a broken connection after several attempts in a row.
    pub async fn next(&mut self) -> Result<Option<JobEvent>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = Some(event.id);
                self.ended = event.status.is_final();
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            if let Err(error) = self.receive().await {
                self.response = None;
                self.lines = Lines::default();
                self.failures += 1;
                if !error.is_transient() || self.failures > MAX_FAILURES {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(200 << self.failures)).await;
            }
        }
    }

    /// Connects if need be, and reads one portion.
    async fn receive(&mut self) -> Result<(), ClientError> {
        let response = match &mut self.response {
            Some(response) => response,
            None => {
                let mut request = self
                    .client
                    .transfer(Method::GET, &format!("jobs/{}/events", self.job))
                    .header(header::ACCEPT, "text/event-stream");
                if let Some(last) = self.last {
                    request = request.header("last-event-id", last);
                }
                self.silent = true;
                self.response.insert(self.client.send(request).await?)
            }
        };
        match response.chunk().await {
            Ok(Some(chunk)) => {
                self.failures = 0;
                for data in self.lines.push(&chunk)? {
                    self.silent = false;
                    let event: JobEvent =
                        serde_json::from_slice(&data).map_err(|e| self.client.malformed(e.to_string()))?;
                    // A server that sends one twice after a reconnection is not passed on.
                    if self.last.is_none_or(|last| event.id > last) {
                        self.ready.push_back(event);
                    }
                }
                Ok(())
            }
            // Asked for what comes after the last event of a job that has ended: there is nothing to wait for.
            Ok(None) if self.silent && self.client.job(self.job).await?.status.is_final() => {
                self.ended = true;
                Ok(())
            }
            Ok(None) => Err(ClientError::Unreachable {
                url: self.client.origin(),
                cause: "the stream of events ended before the job did".to_owned(),
            }),
            Err(error) => Err(self.client.unreachable(&error)),
        }
    }
}

/// Cuts a byte stream into the `data` of its events.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    data: Vec<u8>,
    after_return: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, ClientError> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                // CR LF is one end of line, not two.
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line(&mut events);
                }
                _ => {
                    self.after_return = false;
                    self.line.push(byte);
                    if self.line.len() + self.data.len() > MAX_LINE {
                        return Err(ClientError::TooLong { limit: MAX_LINE as u64 });
                    }
                }
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, events: &mut Vec<Vec<u8>>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend(data.strip_prefix(b" ").unwrap_or(data));
        }
        // Ids are in the data, comments keep the connection alive, and there is one type of event.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_wherever_the_bytes_arrive() {
        let stream = b": alive\r\n\r\nid: 1\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nevent: x\ndata:2\n\nid: 3\ndata: cut";
        for size in 1..stream.len() {
            let mut lines = Lines::default();
            let mut events = Vec::new();
            for part in stream.chunks(size) {
                events.extend(lines.push(part).unwrap());
            }
            assert_eq!(events, [b"{\"a\":\n1}".to_vec(), b"2".to_vec()], "in portions of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        assert!(matches!(lines.push(&vec![b'x'; MAX_LINE + 1]), Err(ClientError::TooLong { .. })));
    }
}
