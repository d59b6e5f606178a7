//! The warm-up, alone in a process of its own.

/// A process of several threads could not put on Landlock for all of them.
#[test]
fn warming_up_starts_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    atoll_trainer::warm_up();
    assert_eq!(threads(), before);
    // The mathematics may well start threads when there is more to do.
    let layers = [atoll_protocol::job::Layer::Linear { units: 512 }];
    let optimizer = atoll_protocol::job::Optimizer::Adam { learning_rate: 0.01, weight_decay: 0.0 };
    let model = atoll_protocol::job::Model::of(&layers, vec![atoll_protocol::job::Block::Numbers(512)]).unwrap();
    let loss = atoll_protocol::job::Loss::CrossEntropy;
    let learner = atoll_trainer::learner::Learner::new(&model, &loss, &optimizer, None, 1);
    learner.snapshot().outputs(vec![0.5; 512 * 512]);
    assert!(threads() > before, "otherwise this test proves nothing");
}
