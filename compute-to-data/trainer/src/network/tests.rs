use atoll_protocol::job::Layer;

use super::*;
use crate::{export, random::Stream, sample};

fn every_layer() -> Vec<Layer> {
    vec![
        Layer::Linear { units: 5 },
        Layer::Relu {},
        Layer::Linear { units: 4 },
        Layer::Dropout { rate: 0.5 },
        Layer::Tanh {},
        Layer::Linear { units: 6 },
        Layer::Gelu {},
        Layer::Linear { units: 3 },
        Layer::Sigmoid {},
        Layer::Linear { units: 2 },
    ]
}

#[test]
fn the_exported_tensors_compute_in_plain_loops_what_burn_computes() {
    let device = Device::flex();
    let layers = every_layer();
    let network = Network::new(&sample::model(&layers, 3), &mut Random::new(5, Stream::Weights), &device);
    let tensors = sample::tensors(&export::safetensors(&network.tensors()));
    let mut random = Random::new(6, Stream::Order);
    let rows: Vec<Vec<f64>> = (0..20).map(|_| (0..3).map(|_| 4.0 * random.unit() - 2.0).collect()).collect();
    let batch = rows.concat().iter().map(|&v| v as f32).collect::<Vec<_>>();
    let batch = Tensor::from_data(TensorData::new(batch, [20, 3]), &device);
    let outputs = floats(network.forward(batch, None, None));
    for (row, outputs) in rows.iter().zip(outputs.chunks(2)) {
        for (by_hand, output) in sample::forward(&layers, &tensors, row).iter().zip(outputs) {
            assert!((by_hand - f64::from(*output)).abs() < 1e-5, "{by_hand} by hand, {output} by burn");
        }
    }
}

#[test]
fn tensors_have_the_names_and_shapes_of_a_pytorch_sequential() {
    let network =
        Network::new(&sample::model(&every_layer(), 3), &mut Random::new(5, Stream::Weights), &Device::flex());
    let model = export::safetensors(&network.tensors());
    let shapes: Vec<_> = sample::tensors(&model).into_iter().map(|(name, (shape, _))| (name, shape)).collect();
    let expected: [(&str, &[usize]); 10] = [
        ("0.bias", &[5]),
        ("0.weight", &[5, 3]),
        ("2.bias", &[4]),
        ("2.weight", &[4, 5]),
        ("5.bias", &[6]),
        ("5.weight", &[6, 4]),
        ("7.bias", &[3]),
        ("7.weight", &[3, 6]),
        ("9.bias", &[2]),
        ("9.weight", &[2, 3]),
    ];
    assert_eq!(shapes, expected.map(|(name, shape)| (name.to_owned(), shape.to_vec())));
    let (_, header) = safetensors::SafeTensors::read_metadata(&model).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["format"], "pt");
    assert_eq!(model, export::safetensors(&network.tensors()), "the same tensors are the same bytes");
}

#[test]
fn initial_weights_follow_from_the_seed_and_stay_in_pytorchs_bounds() {
    let device = Device::flex();
    let weights = |seed| {
        Network::new(&sample::model(&every_layer(), 3), &mut Random::new(seed, Stream::Weights), &device).tensors()
    };
    let values = |seed| weights(seed).into_iter().flat_map(|t| t.values).collect::<Vec<_>>();
    assert_eq!(values(7), values(7));
    assert_ne!(values(7), values(8));
    for (tensor, inputs) in weights(7).iter().zip([3, 3, 5, 5, 4, 4, 6, 6, 3, 3]) {
        let bound = 1.0 / (inputs as f32).sqrt();
        assert!(tensor.values.iter().all(|v| v.abs() <= bound), "{}", tensor.name);
        assert!(tensor.values.iter().any(|v| v.abs() > bound / 2.0), "{}", tensor.name);
    }
}

#[test]
fn dropout_drops_its_share_keeps_the_mean_and_only_trains() {
    let device = Device::flex();
    let layers = [Layer::Dropout { rate: 0.3 }];
    let mut random = Random::new(1, Stream::Dropout);
    let network = Network::new(&sample::model(&layers, 100), &mut random, &device);
    let ones = || Tensor::from_data(TensorData::new(vec![1.0_f32; 10_000], [100, 100]), &device);
    let dropped = floats(network.forward(ones(), Some(&mut random), None));
    let zeros = dropped.iter().filter(|&&v| v == 0.0).count();
    assert!(zeros.abs_diff(3_000) < 200, "{zeros} of 10,000 dropped");
    assert!(dropped.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.7).abs() < 1e-6));
    assert!(floats(network.forward(ones(), None, None)).iter().all(|&v| v == 1.0));
}

impl Network {
    /// Takes tensors as PyTorch has them for its own.
    pub(crate) fn load(&mut self, tensors: &sample::Tensors) {
        for (parameter, exported) in self.parameters.iter_mut().zip(&*self.exported) {
            let (shape, values) = &tensors[&exported.name];
            assert_eq!(shape, &exported.shape, "{}", exported.name);
            let mut own = vec![0.0_f32; values.len()];
            for (place, value) in values.iter().enumerate() {
                own[exported.order.as_ref().map_or(place, |order| order[place])] = *value as f32;
            }
            *parameter = Tensor::from_data(TensorData::new(own, [values.len()]), &parameter.device());
        }
    }
}
