//! `/v1/leases/{id}/completion`: the end of a job with a result. The server takes nobody's word: the receipt has to be
//! signed by the provider, belong to this job and its stored result, and be the one that fulfilled the order on chain.

use alloy::primitives::B256;
use atoll_protocol::{
    api::{Completion, Job, JobStatus, OrderStatus},
    signed,
};
use axum::{Json as JsonAnswer, extract::State};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    App, Problems,
    caller::Caller,
    extract::{Id, IdempotencyKey, Json},
    idempotency::{Creation, about, create as create_once},
    jobs::resource,
    leases::held,
    problem::{ApiError, Kind},
};
use crate::{
    deployment::Deployment,
    job::{self, Actor, Step},
    store::{jobs, leases, orders},
};

/// Ends the job with its result.
#[utoipa::path(
    post, path = "/v1/leases/{id}/completion", operation_id = "complete_lease", tag = "leases", security(("session" = [])), request_body = Completion,
    params(
        ("id" = Uuid, Path, description = "The lease"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe")
    ),
    extensions(("x-problems" = json!([
        "order-not-fulfilled", "receipt-mismatch", "job-ended", "order-not-open", "no-result", "lease-ended",
        "invalid-signature", "chain-unavailable"
    ]))),
    responses((status = 200, description = "The completed job", body = Job), Problems)
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<Uuid>,
    key: Option<IdempotencyKey>,
    body: Json<Completion>,
) -> Result<JsonAnswer<Job>, ApiError> {
    let completion = body.value;
    let mut connection = app.store.connection().await?;
    if leases::find(&mut connection, id, caller.address).await?.is_none() {
        return Err(ApiError::not_found("lease"));
    }
    drop(connection);
    let domain = signed::domain(app.deployment.chain_id, app.deployment.orders);
    let receipt_hash = signed::signing_hash(&completion.receipt.receipt, &domain);
    signed::verify(receipt_hash, &completion.receipt.signature, caller.address)
        .map_err(|error| ApiError::signature("/receipt/signature", &error))?;

    // Before the transaction, because the chain may be slow: no row stays locked while it is asked.
    let mut connection = app.store.connection().await?;
    let fulfilled = fulfilled_with(&app, &mut connection, &completion).await?;
    drop(connection);
    if fulfilled != Some(receipt_hash) {
        return Err(match fulfilled {
            None => {
                let detail =
                    "The order is not fulfilled on chain yet; wait until the transaction is mined and send again.";
                ApiError::new(Kind::OrderNotFulfilled, detail)
            }
            Some(_) => {
                let detail = "The order was fulfilled with another receipt; send that one.";
                ApiError::field(Kind::ReceiptMismatch, "/receipt/receipt", detail)
            }
        });
    }

    let creation = Creation { name: "complete job", account: caller.address, key, body: about(id, body.sha256) };
    let answer = create_once(&app, creation, async |mut tx| {
        let now = app.clock.now();
        let (lease, mut job) = held(&mut tx, id, caller).await?;
        belongs(&app.deployment, &lease, &job, &completion)?;
        if job.status == JobStatus::Completed {
            // Completed without the receipt, because the runner was silent for too long; or said twice.
            if job.receipt.is_none() {
                job.receipt = Some(completion.receipt);
                job.updated_at = now;
                jobs::update(&mut tx, &job).await?;
            }
            return Ok((tx, resource(&app.deployment, &job)));
        }
        if job.status.is_final() {
            let detail = "The job has ended without a result; the receipt comes too late.";
            return Err(ApiError::new(Kind::JobEnded, detail));
        }
        job.receipt = Some(completion.receipt);
        job::complete(&mut tx, &mut job, Step { actor: Actor::Provider, at: now, reason: None }).await?;
        Ok((tx, resource(&app.deployment, &job)))
    })
    .await?;
    Ok(JsonAnswer(answer))
}

/// The receipt hash that fulfilled the order: as indexed, or as the chain says if the index is not that far.
async fn fulfilled_with(
    app: &App,
    connection: &mut PgConnection,
    completion: &Completion,
) -> Result<Option<B256>, ApiError> {
    let order_id = completion.receipt.receipt.orderId;
    let order = orders::find(connection, order_id).await?.ok_or_else(|| ApiError::not_found("order"))?;
    match order.status {
        OrderStatus::Fulfilled => Ok(order.receipt_hash),
        OrderStatus::Open => Ok(app.chain.fulfilment(app.deployment.orders, order_id, completion.transaction).await?),
        OrderStatus::Cancelled | OrderStatus::Returned => {
            let detail = "The order's stake went back, so it can not be fulfilled any more; report a failure instead.";
            Err(ApiError::new(Kind::OrderNotOpen, detail))
        }
    }
}

/// Every field of the receipt that the server can know.
fn belongs(
    deployment: &Deployment,
    lease: &leases::Lease,
    job: &jobs::Job,
    completion: &Completion,
) -> Result<(), ApiError> {
    let receipt = &completion.receipt.receipt;
    let domain = signed::domain(deployment.chain_id, deployment.orders);
    let stored = job.result.as_ref().ok_or_else(|| {
        ApiError::new(Kind::NoResult, "Put the sealed result to /v1/leases/{id}/result before completing the job.")
    })?;
    let fields = [
        ("orderId", receipt.orderId, job.order_id),
        ("requestHash", receipt.requestHash, job.request.signing_hash(&domain)),
        ("specHash", receipt.specHash, job.request.spec_hash()),
        ("metadataHash", receipt.metadataHash, lease.metadata_hash),
        ("furtherHash", receipt.furtherHash, signed::further_hash(&completion.receipt.further)),
        ("resultHash", receipt.resultHash, stored.info.sha256),
    ];
    match fields.iter().find(|(_, said, known)| said != known) {
        None => Ok(()),
        Some((name, said, known)) => Err(ApiError::field(
            Kind::ReceiptMismatch,
            &format!("/receipt/receipt/{name}"),
            format!("The receipt's `{name}` is {said}; for this job it is {known}."),
        )),
    }
}
