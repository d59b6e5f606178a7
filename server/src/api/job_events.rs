//! `/v1/jobs/{id}/events`: a job's history as server-sent events, and what comes.

use std::{convert::Infallible, time::Duration};

use atoll_protocol::api::JobEvent;
use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, LastEventId},
    jobs::own,
    problem::ApiError,
};
use crate::store::{
    Store, StoreError,
    job_events::{self, Listener},
    jobs,
};

/// Events that one read takes.
const BATCH: u32 = 100;
/// Looks for events at least so often, whatever the notifications say.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// News that a slow reader may fall behind; then it just looks again.
const NEWS: usize = 1024;

/// Tells streams which jobs have news.
#[derive(Clone, Debug)]
pub struct News(broadcast::Sender<Uuid>);

impl Default for News {
    fn default() -> Self {
        Self(broadcast::channel(NEWS).0)
    }
}

impl News {
    /// Ids of jobs that have news from now on; the nil id if some may have been missed.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Uuid> {
        self.0.subscribe()
    }

    /// Passes the database's notifications on until told to stop. Streams look by themselves while it fails.
    pub async fn run(self, store: Store, stop: CancellationToken) {
        loop {
            let failed = tokio::select! {
                () = stop.cancelled() => return,
                failed = self.listen(&store) => failed,
            };
            tracing::warn!(
                error = &failed as &dyn std::error::Error,
                "news of jobs are late until the database is back"
            );
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    async fn listen(&self, store: &Store) -> StoreError {
        let mut listener = match Listener::connect(store).await {
            Ok(listener) => listener,
            Err(error) => return error,
        };
        loop {
            match listener.next().await {
                // Nobody listening is not an error. The nil id wakes everyone: news may have been missed.
                Ok(job) => drop(self.0.send(job.unwrap_or_default())),
                Err(error) => return error,
            }
        }
    }
}

struct Follow {
    app: App,
    job: Uuid,
    after: i64,
    news: broadcast::Receiver<Uuid>,
    ready: std::vec::IntoIter<JobEvent>,
    ended: bool,
}

impl Follow {
    async fn next(&mut self) -> Option<JobEvent> {
        loop {
            if let Some(event) = self.ready.next() {
                self.after = event.id;
                self.ended = event.status.is_final();
                return Some(event);
            }
            if self.ended {
                return None;
            }
            match self.read().await {
                Ok(events) if events.is_empty() => self.wait().await?,
                Ok(events) => self.ready = events.into_iter(),
                Err(error) => {
                    // The client comes back with its last event's id.
                    tracing::warn!(error = &error as &dyn std::error::Error, "a stream of events was cut");
                    return None;
                }
            }
        }
    }

    async fn read(&self) -> Result<Vec<JobEvent>, StoreError> {
        let mut connection = self.app.store.connection().await?;
        job_events::list(&mut connection, self.job, self.after, BATCH).await
    }

    /// Waits for news of this job; none when the server stops.
    async fn wait(&mut self) -> Option<()> {
        let deadline = tokio::time::sleep(LOOK_EVERY);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                () = self.app.stop.cancelled() => return None,
                () = &mut deadline => return Some(()),
                news = self.news.recv() => match news {
                    Ok(job) if job != self.job && !job.is_nil() => {}
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return Some(()),
                    Err(broadcast::error::RecvError::Closed) => deadline.as_mut().await,
                },
            }
        }
    }
}

/// A job's events from the first or from after `Last-Event-ID`, then each as it happens, until the job has ended.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", operation_id = "stream_job_events", tag = "jobs", security(("session" = [])),
    params(
        ("id" = Uuid, Path, description = "The job"),
        ("Last-Event-ID" = Option<i64>, Header, description = "Number of the last event that was received")
    ),
    responses(
        (status = 200, description = "Events; `data` of each is a JobEvent", body = JobEvent,
         content_type = "text/event-stream"),
        (status = 204, description = "The job has ended and there are no more events"),
        Problems
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    last: Option<LastEventId>,
) -> Result<Response, ApiError> {
    let after = last.map_or(0, |LastEventId(number)| number);
    // Before the first look, so that nothing falls between.
    let news = app.news.subscribe();
    let mut connection = app.store.connection().await?;
    let job = own(jobs::find(&mut connection, id).await?, caller)?;
    drop(connection);
    let mut follow = Follow { app: app.clone(), job: id, after, news, ready: Vec::new().into_iter(), ended: false };
    if job.status.is_final() {
        let rest = follow.read().await?;
        if rest.is_empty() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        follow.ready = rest.into_iter();
    }
    let events = stream::unfold(follow, async |mut follow| {
        let event = follow.next().await?;
        let sent = Event::default().id(event.id.to_string()).json_data(&event).unwrap_or_default();
        Some((Ok::<_, Infallible>(sent), follow))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}
