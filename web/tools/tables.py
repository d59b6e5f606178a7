"""Writes the Parquet files of `test/tables` and what they hold as CSV; needs pyarrow."""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent.parent / "test" / "tables"
ROWS = 300


def table(rows):
    sites = ["Köln", "Bonn, Süd", 'the "old" one']
    return pa.table(
        {
            "age": pa.array([20 + i % 60 for i in range(rows)], pa.int32()),
            "dose": pa.array([0.1 * (i % 7) + 0.05 for i in range(rows)], pa.float32()),
            "weight": pa.array([50 + i / 7 for i in range(rows)], pa.float64()),
            "visits": pa.array([2**40 + i for i in range(rows)], pa.int64()),
            "paid": pa.array([decimal.Decimal(i) / 100 for i in range(rows)], pa.decimal128(12, 2)),
            "site": pa.array([sites[i % 3] for i in range(rows)], pa.string()),
            "smoker": pa.array([i % 5 == 0 for i in range(rows)], pa.bool_()),
            "seen": pa.array([datetime.date(2024, 1, 1 + i % 28) for i in range(rows)], pa.date32()),
        }
    )


def text(value, field):
    if value is None:
        return ""
    if pa.types.is_boolean(field.type):
        return str(value).lower()
    if pa.types.is_float32(field.type):
        import numpy

        return str(numpy.float32(value))
    cell = str(value)
    if pa.types.is_float64(field.type) and cell.endswith(".0"):
        cell = cell[:-2]
    if any(c in cell for c in ',"\r\n'):
        cell = '"' + cell.replace('"', '""') + '"'
    return cell


def main():
    whole = table(ROWS)
    lines = [",".join(whole.column_names)]
    for row in whole.to_pylist():
        lines.append(",".join(text(row[field.name], field) for field in whole.schema))
    (FOLDER / "table.csv").write_text("\n".join(lines) + "\n")
    for compression in ["none", "snappy", "gzip", "zstd", "lz4"]:
        pq.write_table(whole, FOLDER / f"{compression}.parquet", compression=compression, row_group_size=128)
    pq.write_table(whole, FOLDER / "brotli.parquet", compression="brotli")
    missing = pa.table({"a": pa.array([1.5, None, float("nan")]), "b": pa.array(["x", "y", None])})
    pq.write_table(missing, FOLDER / "missing.parquet")
    pq.write_table(pa.table({"a": pa.array([[1], [2, 3]])}), FOLDER / "lists.parquet")


main()
