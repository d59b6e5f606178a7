//! `/v1/assets/{token_id}/statistics`: orders, revenue, buyers and jobs, in all and for each day.

use std::collections::BTreeMap;

use alloy::primitives::U256;
use atoll_protocol::api::{AssetStatistics, DayStatistics, JobCounts, OrderCounts, OrderStatus, Revenue};
use axum::{Json, extract::State};
use serde::Deserialize;
use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime, UtcOffset, macros::format_description};

use super::{
    App, Problems,
    assets::TokenId,
    extract::{Id, Query},
    problem::{ApiError, Kind},
    transactions::money,
};
use crate::store::{assets, market, statistics, statistics::Range};

/// Most days of one answer.
const MOST_DAYS: i64 = 366;
/// Days of an answer if the client does not say.
const USUAL_DAYS: i64 = 30;

/// Which days.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Days {
    /// First day in UTC, like `2026-11-01`; 30 days before the last if absent.
    #[param(format = Date)]
    since: Option<String>,
    /// Last day in UTC; today if absent. At most 366 days after the first.
    #[param(format = Date)]
    until: Option<String>,
}

fn day(name: &str, text: &str) -> Result<Date, ApiError> {
    let wrong = || ApiError::new(Kind::InvalidQuery, format!("`{name}` is a day like 2026-11-22."));
    let parsed = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| wrong())?;
    // The chain did not exist before, and Postgres counts no further.
    if (1970..=9000).contains(&parsed.year()) { Ok(parsed) } else { Err(wrong()) }
}

impl Days {
    /// First and last day.
    fn range(&self, today: Date) -> Result<(Date, Date), ApiError> {
        let until = self.until.as_deref().map_or(Ok(today), |text| day("until", text))?;
        let since = match self.since.as_deref() {
            Some(text) => day("since", text)?,
            None => until.saturating_sub(Duration::days(USUAL_DAYS)),
        };
        if (0..=MOST_DAYS).contains(&(until - since).whole_days()) {
            Ok((since, until))
        } else {
            let detail = format!("`until` is at most {MOST_DAYS} days after `since`, and not before it.");
            Err(ApiError::new(Kind::InvalidQuery, detail))
        }
    }
}

/// Everything that is counted, of a day or of all time.
#[derive(Default)]
struct Numbers {
    orders: OrderCounts,
    datatokens: U256,
    revenue: Vec<Revenue>,
    buyers: u64,
    jobs: JobCounts,
}

fn count(orders: &mut OrderCounts, status: OrderStatus, number: u64) {
    orders.opened += number;
    match status {
        OrderStatus::Open => orders.open += number,
        OrderStatus::Fulfilled => orders.fulfilled += number,
        OrderStatus::Cancelled => orders.cancelled += number,
        OrderStatus::Returned => orders.returned += number,
    }
}

/// The numbers of each day, or under no day those of the whole range.
async fn numbers(
    connection: &mut PgConnection,
    asset: U256,
    range: Range,
) -> Result<BTreeMap<Option<Date>, Numbers>, ApiError> {
    let mut found: BTreeMap<Option<Date>, Numbers> = BTreeMap::new();
    for (day, status, number) in statistics::orders(connection, asset, range).await? {
        count(&mut found.entry(day).or_default().orders, status, number);
    }
    for sums in statistics::revenue(connection, asset, range).await? {
        let numbers = found.entry(sums.day).or_default();
        numbers.datatokens = numbers.datatokens.saturating_add(sums.datatokens);
        if !sums.paid.is_zero() {
            numbers.revenue.push(Revenue {
                paid: money(&sums.token, sums.paid),
                earned: sums.earned.into(),
                referral_fees: sums.referral_fees.into(),
                protocol_fees: sums.protocol_fees.into(),
            });
        }
    }
    for (day, number) in statistics::buyers(connection, asset, range).await? {
        found.entry(day).or_default().buyers = number;
    }
    for (day, submitted, completed) in statistics::jobs(connection, asset, range).await? {
        found.entry(day).or_default().jobs = JobCounts { submitted, completed };
    }
    Ok(found)
}

/// Orders, revenue, buyers and jobs of an asset, in all and for each day of a range.
#[utoipa::path(
    get, path = "/v1/assets/{token_id}/statistics", operation_id = "read_asset_statistics", tag = "assets",
    params(("token_id" = String, Path, description = "ERC-721 token id, decimal"), Days),
    responses((status = 200, description = "The statistics", body = AssetStatistics), Problems)
)]
pub(crate) async fn read(
    State(app): State<App>,
    Id(TokenId(asset)): Id<TokenId>,
    Query(days): Query<Days>,
) -> Result<Json<AssetStatistics>, ApiError> {
    let now = app.clock.now();
    let (since, until) = days.range(now.to_offset(UtcOffset::UTC).date())?;
    let after = until.saturating_add(Duration::DAY);
    app.store
        .run_tx("read statistics", async |mut tx| {
            statistics::freeze(&mut tx).await?;
            if !assets::exists(&mut tx, asset).await? {
                let detail = "There is no such asset; if it was published just now, wait until its block is indexed.";
                return Err(ApiError::new(Kind::NotFound, detail));
            }
            // Blocks have whatever times their makers gave them.
            let always = Range { from: OffsetDateTime::UNIX_EPOCH, to: day_start(Date::MAX), days: false };
            let all = numbers(&mut tx, asset, always).await?.remove(&None).unwrap_or_default();
            let asked = Range { from: day_start(since), to: day_start(after), days: true };
            let days = numbers(&mut tx, asset, asked).await?;
            let answer = AssetStatistics {
                token_id: asset.into(),
                orders: all.orders,
                datatokens_sold: all.datatokens.into(),
                revenue: all.revenue,
                unique_buyers: all.buyers,
                jobs: all.jobs,
                days: days.into_iter().rev().filter_map(|(day, numbers)| Some(of_day(day?, numbers))).collect(),
                indexed_block: market::indexed_block(&mut tx).await?,
            };
            Ok((tx, answer))
        })
        .await
        .map(Json)
}

fn day_start(day: Date) -> OffsetDateTime {
    day.midnight().assume_utc()
}

fn of_day(day: Date, numbers: Numbers) -> DayStatistics {
    DayStatistics {
        date: day.to_string(),
        orders: numbers.orders,
        datatokens_sold: numbers.datatokens.into(),
        revenue: numbers.revenue,
        unique_buyers: numbers.buyers,
        jobs: numbers.jobs,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn range(since: Option<&str>, until: Option<&str>) -> Option<(Date, Date)> {
        let days = Days { since: since.map(str::to_owned), until: until.map(str::to_owned) };
        days.range(date!(2026 - 11 - 22)).ok()
    }

    #[test]
    fn a_range_of_days_is_bounded() {
        assert_eq!(range(None, None), Some((date!(2026 - 10 - 23), date!(2026 - 11 - 22))));
        assert_eq!(range(Some("2026-01-01"), None), Some((date!(2026 - 01 - 01), date!(2026 - 11 - 22))));
        assert_eq!(range(None, Some("2026-03-01")), Some((date!(2026 - 01 - 30), date!(2026 - 03 - 01))));
        assert!(range(Some("2025-11-21"), None).is_some());
        for (since, until) in [
            (Some("2025-11-20"), None),
            (Some("2026-11-23"), None),
            (Some("2026-2-1"), None),
            (Some(""), None),
            (None, Some("9999-01-01")),
            (None, Some("-001-01-01")),
        ] {
            assert_eq!(range(since, until), None, "{since:?} {until:?}");
        }
    }
}
