use atoll_protocol::job::{
    ClassWeights, Decay, EarlyStopping, Huber, Joined, Loss, Optimizer, Privacy, SplitBy, Windows,
};

use super::*;
use crate::sample::{category, number, perceptron, spec};

const SGD: Optimizer = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0, weight_decay: 0.0 };

fn columns() -> Vec<Column> {
    let image = Column {
        name: "scan".to_owned(),
        kind: ColumnKind::Image(Image { height: 6, width: 5, channels: 2 }),
        description: None,
    };
    vec![
        number("a", 0.0, 1.0),
        category("c", &["x", "y", "z"]),
        category("t", &["no", "yes"]),
        category("part", &["one", "other"]),
        number("y", 0.0, 1.0),
        image,
    ]
}

fn classify(features: &[&str], layers: Vec<Layer>) -> JobSpec {
    spec(features, "t", Task::BinaryClassification, layers, SGD)
}

fn compile(spec: &JobSpec) -> Result<Plan, FailureCode> {
    Plan::compile(spec, &columns(), &[])
}

fn why(spec: &JobSpec) -> String {
    match compile(spec) {
        Err(FailureCode::Refused { reason }) => reason,
        Err(other) => panic!("{other:?}"),
        Ok(_) => "nothing is wrong".to_owned(),
    }
}

#[test]
fn the_model_is_that_of_the_columns_blocks() {
    let mut layers = perceptron(&[2]);
    layers.insert(0, Layer::Embedding { dimensions: 4 });
    let plan = compile(&classify(&["a", "c", "y"], layers)).unwrap();
    assert_eq!(plan.model.inputs, [Block::Numbers(1), Block::Category(3), Block::Numbers(1)]);
    let parameters: Vec<_> =
        plan.model.parameters().map(|parameter| (&parameter.name[..], &parameter.shape[..])).collect();
    assert_eq!(parameters, [("0.0.weight", &[3, 4][..]), ("1.weight", &[2, 6]), ("1.bias", &[2])]);
    let mut windows = classify(&["a", "c"], perceptron(&[2]));
    windows.data.windows = Some(Windows { length: 5, horizon: 1, stride: 1 });
    assert_eq!(compile(&windows).unwrap().model.inputs, [Block::Numbers(20)]);
}

#[test]
fn a_loss_decides_how_many_outputs_two_classes_have() {
    let mut job = classify(&["a"], perceptron(&[2]));
    assert_eq!(compile(&job).unwrap().outputs, 2);
    job.loss = Loss::WeightedCrossEntropy(ClassWeights { class_weights: vec![1.0, 2.0] });
    assert_eq!(compile(&job).unwrap().outputs, 2);
    job.loss = Loss::BinaryCrossEntropy;
    assert_eq!(why(&job), "the last layer has to be linear with 1 units");
    job.layers = perceptron(&[1]);
    let plan = compile(&job).unwrap();
    assert_eq!((plan.outputs, plan.classes().len()), (1, 2));
}

#[test]
fn layers_that_do_not_fit_are_refused_with_what_would() {
    let image = Layer::AsImage { height: 6, width: 5, channels: 2 };
    let last = Layer::Linear { units: 2 };
    for (layers, reason) in [
        (vec![image.clone(), last.clone()], "put `flatten` before it"),
        (vec![Layer::AsImage { height: 6, width: 6, channels: 2 }, Layer::Flatten {}, last.clone()], "60 come in"),
        (vec![image, Layer::MaxPool { size: 7 }, Layer::Flatten {}, last.clone()], "longer than what comes in"),
        (vec![Layer::Embedding { dimensions: 2 }, last.clone()], "no feature is one"),
        (vec![Layer::Dropout { rate: 0.95 }, last], "not between 0 and 0.9"),
    ] {
        let mut job = classify(&["scan"], layers);
        assert!(why(&job).contains(reason), "{}", why(&job));
        job.layers = vec![Layer::Linear { units: 2 }];
        compile(&job).unwrap();
    }
}

#[test]
fn images_are_classified_by_one_column_of_them() {
    let mut job = classify(&["scan"], perceptron(&[2]));
    job.task = Task::ImageClassification;
    assert_eq!(compile(&job).unwrap().outputs, 2);
    for features in [&["a"][..], &["scan", "a"]] {
        job.data.features = features.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(why(&job), "images are classified by one column of images");
    }
}

#[test]
fn a_loss_that_does_not_fit_the_task_is_refused() {
    let fits = |task: Task, target: &str, loss: Loss| {
        let mut job = classify(&["a"], perceptron(&[1]));
        (job.task, job.data.target, job.loss) = (task, target.to_owned(), loss);
        [1, 2, 3].into_iter().any(|units| {
            job.layers = perceptron(&[units]);
            compile(&job).is_ok()
        })
    };
    let of_numbers = [Loss::MeanSquaredError, Loss::MeanAbsoluteError, Loss::Huber(Huber { delta: 1.0 })];
    let weights = |count: usize| Loss::WeightedCrossEntropy(ClassWeights { class_weights: vec![1.0; count] });
    for loss in of_numbers {
        assert!(fits(Task::Regression, "y", loss.clone()), "{loss:?}");
        assert!(!fits(Task::BinaryClassification, "t", loss.clone()), "{loss:?}");
    }
    for loss in [Loss::CrossEntropy, weights(2), Loss::BinaryCrossEntropy] {
        assert!(fits(Task::BinaryClassification, "t", loss.clone()), "{loss:?}");
        assert!(!fits(Task::Regression, "y", loss.clone()), "{loss:?}");
    }
    assert!(!fits(Task::MulticlassClassification, "c", Loss::BinaryCrossEntropy));
    assert!(!fits(Task::MulticlassClassification, "c", weights(2)));
    assert!(fits(Task::MulticlassClassification, "c", weights(3)));
}

#[test]
fn numbers_that_training_relies_on_are_in_range() {
    let refused = |change: &dyn Fn(&mut JobSpec)| {
        let mut job = classify(&["a"], perceptron(&[2]));
        change(&mut job);
        compile(&job).is_err()
    };
    assert!(!refused(&|_| {}));
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(&|job| job.training.gradient_clip = Some(wrong)), "{wrong}");
        assert!(
            refused(&|job| job.loss = Loss::WeightedCrossEntropy(ClassWeights { class_weights: vec![1.0, wrong] })),
            "{wrong}"
        );
        let adamw = Optimizer::Adamw { learning_rate: wrong, weight_decay: 0.0 };
        assert!(refused(&|job| job.optimizer = adamw.clone()), "{wrong}");
    }
    assert!(refused(&|job| job.optimizer = Optimizer::Adamw { learning_rate: 0.1, weight_decay: 1.5 }));
    assert!(refused(&|job| job.training.early_stopping = Some(EarlyStopping { patience: 0 })));
    assert!(refused(&|job| job.schedule.warm_up = job.training.epochs + 1));
    assert!(refused(&|job| job.schedule.decay = Some(Decay::Step { every: 0, factor: 0.5 })));
    assert!(refused(&|job| job.schedule.decay = Some(Decay::Step { every: 1, factor: 1.5 })));
    assert!(refused(&|job| job.data.windows = Some(Windows { length: 0, horizon: 1, stride: 1 })));
    assert!(refused(&|job| job.data.windows = Some(Windows { length: 1, horizon: 1, stride: 0 })));
    let mut huber = spec(&["a"], "y", Task::Regression, perceptron(&[1]), SGD);
    huber.loss = Loss::Huber(Huber { delta: 0.0 });
    assert_eq!(why(&huber), "a number of the loss is out of range");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let by = || Some(SplitBy { column: "part".to_owned(), test: vec!["one".to_owned()] });
    let windows = |stride| Some(Windows { length: 3, horizon: 2, stride });
    let refused = |change: &dyn Fn(&mut JobSpec)| {
        let mut job = classify(&["a"], perceptron(&[2]));
        job.split.test_fraction = 0.0;
        change(&mut job);
        compile(&job).is_err()
    };
    let private = |job: &mut JobSpec| job.privacy = Some(Privacy { noise_multiplier: 1.0, clipping_norm: 1.0 });
    assert!(!refused(&|job| job.split.by = by()));
    assert!(refused(&|job| (job.split.by, job.split.test_fraction) = (by(), 0.1)));
    assert!(refused(&|job| (job.split.by, job.data.windows) = (by(), windows(5))));
    assert!(!refused(&|job| job.data.windows = windows(1)));
    // What only a private job may not do.
    assert!(!refused(&private));
    for alone in [
        &(|job: &mut JobSpec| job.split.by = by()) as &dyn Fn(&mut JobSpec),
        &|job| job.training.early_stopping = Some(EarlyStopping { patience: 1 }),
        &|job| job.data.windows = windows(4),
    ] {
        assert!(!refused(alone));
        assert!(refused(&|job| {
            alone(job);
            private(job);
        }));
    }
    assert!(!refused(&|job| {
        job.data.windows = windows(5);
        private(job);
    }));
    // Rows that are joined do not follow each other.
    let mut joined = classify(&["a"], perceptron(&[2]));
    let asset = joined.data.asset;
    let key = |name: &str| Column { name: name.to_owned(), kind: ColumnKind::Key {}, description: None };
    let features = vec!["b".to_owned()];
    joined.data.joined = vec![Joined { asset, key: "who".to_owned(), on: "patient".to_owned(), features }];
    let (first, other) = ([columns(), vec![key("patient")]].concat(), [number("b", 0.0, 1.0), key("who")]);
    assert!(Plan::compile(&joined, &first, &[&other]).is_ok());
    joined.data.windows = windows(5);
    assert!(Plan::compile(&joined, &first, &[&other]).is_err());
}
