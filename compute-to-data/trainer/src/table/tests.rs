use atoll_protocol::{
    document::{Column, MediaType},
    job::{JobSpec, Optimizer, Task},
};

use super::*;
use crate::plan::Plan;
use crate::{
    plaintext::Plaintext,
    sample::{category, inputs, number, perceptron, plaintext, read, spec},
};

const SGD: Optimizer = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0 };

fn columns() -> Vec<Column> {
    vec![
        number("a", 0.0, 10.0),
        category("kind", &["x", "y", "z"]),
        number("unused", 0.0, 1.0),
        category("t", &["no", "yes"]),
    ]
}

fn job() -> JobSpec {
    spec(&["kind", "a"], "t", Task::BinaryClassification, perceptron(&[2]), SGD)
}

fn failure(csv: &str) -> Option<FailureCode> {
    read(&job(), &columns(), csv).err()
}

#[test]
fn scales_by_the_declared_bounds_and_orders_as_declared() {
    let csv = "a,kind,unused,t\n0,x,,no\n5,y,?,yes\n10,z,,yes\n15,\"z\", ,no\n-3.5e2,x,n/a,no\r\n 7.5 ,y,,yes\n";
    let (plan, table) = read(&job(), &columns(), csv).unwrap();
    assert_eq!((table.rows(), table.width(), plan.outputs), (6, 4, 2));
    let expected = [
        [1.0, 0.0, 0.0, -1.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 1.0],
        [0.0, 0.0, 1.0, 1.0],
        [1.0, 0.0, 0.0, -1.0],
        [0.0, 1.0, 0.0, 0.5],
    ];
    assert_eq!(inputs(&table, &[0, 1, 2, 3, 4, 5]), expected.concat());
    let Targets::Classes(classes) = table.targets(&[0, 1, 2, 3, 4, 5]) else { panic!("a category is a class") };
    assert_eq!(classes, [0, 1, 1, 0, 0, 1]);
    assert_eq!(inputs(&table, &[2, 0]), [expected[2], expected[0]].concat());
}

#[test]
fn a_row_becomes_the_same_inputs_whatever_the_other_rows_are() {
    let number_alone = spec(&["a"], "t", Task::BinaryClassification, perceptron(&[2]), SGD);
    for (job, expected) in [(job(), vec![1.0, 0.0, 0.0, -0.4]), (number_alone, vec![-0.4])] {
        for others in ["", "4,y,,yes\n6,z,,no\n", "9,y,,yes\n0.5,z,,no\n1e300,x,,no\n-7,x,,no\n"] {
            let table = read(&job, &columns(), &format!("a,kind,unused,t\n3,x,,no\n{others}")).unwrap().1;
            assert_eq!(inputs(&table, &[0]), expected, "beside {others:?}");
        }
    }
}

#[test]
fn a_regressions_target_is_scaled_too() {
    let job = spec(&["kind"], "a", Task::Regression, perceptron(&[1]), SGD);
    let (plan, table) = read(&job, &columns(), "a,kind,unused,t\n2.5,x,,\n11,y,,\n").unwrap();
    let Targets::Values(values) = table.targets(&[0, 1]) else { panic!("a number is a value") };
    assert_eq!(values, [-0.5, 1.0]);
    assert_eq!(plan.output_scaling().map(|s| (s.offset, s.scale)), Some((5.0, 5.0)));
}

#[test]
fn says_which_column_is_wrong_and_how() {
    let head = "a,kind,unused,t\n1,x,0,no\n";
    let missing = |column: &str| Some(FailureCode::MissingValue { column: column.to_owned() });
    let not_a_number = || Some(FailureCode::NotANumber { column: "a".to_owned() });
    let unknown = |column: &str| Some(FailureCode::UnknownCategory { column: column.to_owned() });
    for (row, expected) in [
        (",x,0,no", missing("a")),
        ("  ,x,0,no", missing("a")),
        ("1,,0,no", missing("kind")),
        ("1,x,0,", missing("t")),
        ("1,x,0,\" \"", missing("t")),
        ("twelve,x,0,no", not_a_number()),
        ("NaN,x,0,no", not_a_number()),
        ("inf,x,0,no", not_a_number()),
        ("1e999,x,0,no", not_a_number()),
        ("0x10,x,0,no", not_a_number()),
        ("\"1,5\",x,0,no", not_a_number()),
        ("1,w,0,no", unknown("kind")),
        ("1, x,0,no", unknown("kind")),
        ("1,x,0,No", unknown("t")),
        ("1,x,0", Some(FailureCode::MalformedTable)),
        ("1,x,0,no,more", Some(FailureCode::MalformedTable)),
        ("\"1,x,0,no", Some(FailureCode::MalformedTable)),
        ("1,x,anything,yes", None),
    ] {
        assert_eq!(failure(&format!("{head}{row}\n")), expected, "{row}");
    }
    let (plan, bytes) = (Plan::compile(&job(), &columns(), &[]).unwrap(), b"a,kind,unused,t\n\xff,x,0,no\n");
    let mut not_utf8 = Plaintext::new(100);
    std::io::Write::write_all(&mut not_utf8, bytes).unwrap();
    assert_eq!(Table::read(MediaType::Csv, &plan.first, &not_utf8, &(1..=100), 1 << 20).err(), not_a_number());
}

#[test]
fn the_header_has_to_be_the_declared_one() {
    let row = "1,x,0,no\n";
    assert_eq!(failure(&format!("a,kind,unused,t\n{row}")), None);
    assert_eq!(failure(&format!("\u{feff}a,kind,unused,t\r\n{row}")), None, "a byte order mark is no part of a name");
    for header in ["", "a,kind,unused\n", "a,kind,unused,t,u\n", "kind,a,unused,t\n", "A,kind,unused,t\n", "1,x,0,no\n"]
    {
        assert_eq!(failure(&format!("{header}{row}")), Some(FailureCode::ColumnsDiffer), "{header}");
    }
    assert_eq!(failure(""), Some(FailureCode::ColumnsDiffer));
}

#[test]
fn the_row_floor_and_the_declared_rows_hold_exactly() {
    let plan = Plan::compile(&job(), &columns(), &[]).unwrap();
    let csv = format!("a,kind,unused,t\n{}", "1,x,0,no\n\n".repeat(50));
    let read = |floor, most| {
        Table::read(MediaType::Csv, &plan.first, &plaintext(&csv), &(floor..=most), 1 << 20).map(|table| table.rows())
    };
    assert_eq!(read(50, 50), Ok(50));
    assert_eq!(read(51, 51), Err(FailureCode::TooFewRows));
    assert_eq!(read(1, 49), Err(FailureCode::MalformedTable));
    assert_eq!(failure("a,kind,unused,t\n"), Some(FailureCode::TooFewRows));
}

#[test]
fn memory_is_bounded_before_it_is_taken() {
    let plan = Plan::compile(&job(), &columns(), &[]).unwrap();
    let csv = format!("a,kind,unused,t\n{}", "1,x,0,no\n".repeat(1_000));
    let read = |bytes| Table::read(MediaType::Csv, &plan.first, &plaintext(&csv), &(1..=1_000), bytes).err();
    // The header's line counts too.
    let needed = 1_002 * (4 + 1) * 4;
    assert_eq!(read(needed), None);
    assert_eq!(read(needed - 1), Some(FailureCode::MemoryLimit));
}

#[test]
fn a_job_that_does_not_fit_the_columns_is_refused() {
    let refused = |change: fn(&mut JobSpec)| {
        let mut job = job();
        change(&mut job);
        matches!(Plan::compile(&job, &columns(), &[]), Err(FailureCode::Refused { .. }))
    };
    assert!(!refused(|_| {}));
    assert!(refused(|job| job.data.target = "nowhere".to_owned()));
    assert!(refused(|job| job.data.features[0] = "nowhere".to_owned()));
    assert!(refused(|job| job.data.features.push("a".to_owned())));
    assert!(refused(|job| job.data.features.push("t".to_owned())));
    assert!(refused(|job| job.data.features.clear()));
    assert!(refused(|job| job.task = Task::Regression));
    assert!(refused(|job| job.data.target = "unused".to_owned()));
    assert!(refused(|job| job.layers = perceptron(&[3])));
    assert!(refused(|job| job.layers.clear()));
    assert!(refused(|job| job.layers = perceptron(&[0, 2])));
    assert!(refused(|job| job.layers.push(atoll_protocol::job::Layer::Relu {})));
    assert!(refused(|job| job.loss = atoll_protocol::job::Loss::MeanSquaredError));
    assert!(refused(|job| job.training.batch_size = 0));
    assert!(refused(|job| job.training.epochs = 0));
    assert!(refused(|job| job.split.test_fraction = 0.6));
    assert!(refused(|job| job.split.test_fraction = f64::NAN));
    let unusable = |min, max| {
        let columns = [number("a", min, max), category("t", &["no", "yes"])];
        Plan::compile(&spec(&["a"], "t", Task::BinaryClassification, perceptron(&[2]), SGD), &columns, &[]).is_err()
    };
    assert!(!unusable(-f64::MAX, f64::MAX));
    assert!(unusable(1.0, 1.0) && unusable(2.0, 1.0) && unusable(f64::NAN, 1.0) && unusable(0.0, f64::INFINITY));
}
