//! What is measured by looking now and then, beside what is counted as it happens.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    api::App,
    store::{StoreError, census},
};

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// Looks until told to stop.
pub(crate) async fn watch(app: App, handle: PrometheusHandle, stop: CancellationToken) {
    loop {
        handle.run_upkeep();
        app.forget_clients();
        let index = app.index.view();
        if let (Some(head), Some(indexed)) = (index.head, index.indexed) {
            metrics::gauge!("atoll_index_lag_blocks").set(head.saturating_sub(indexed) as f64);
        }
        if let Some(at) = index.heard_at {
            metrics::gauge!("atoll_index_lag_seconds").set((app.clock.now() - at).as_seconds_f64().max(0.0));
        }
        metrics::gauge!("atoll_index_halted").set(if index.halted.is_some() { 1.0 } else { 0.0 });
        if let Err(error) = count(&app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "jobs and uploads were not counted");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn count(app: &App) -> Result<(), StoreError> {
    let mut connection = app.store.connection().await?;
    for (status, count) in census::live_jobs(&mut connection).await? {
        metrics::gauge!("atoll_jobs", "status" => format!("{status:?}").to_lowercase()).set(count as f64);
    }
    metrics::gauge!("atoll_uploads_open").set(census::open_uploads(&mut connection).await? as f64);
    Ok(())
}
