//! Operations of our own in burn's graph: what burn has no fast or no exact form of, as functions of slices.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind, unary},
        },
        backend_extension,
        flex::FlexTensor,
        tensor::FloatTensor,
    },
    tensor::{Tensor, TensorData},
};

/// A function of single rows of numbers.
pub trait Operation: std::fmt::Debug + Send + Sync {
    /// Outputs of these rows, row by row.
    fn forward(&self, input: &[f32], rows: usize) -> Vec<f32>;

    /// The loss's gradient by the inputs, given that by the outputs.
    fn backward(&self, input: &[f32], delta: &[f32], rows: usize) -> Vec<f32>;
}

/// What burn routes to its backends, with a derivative.
#[backend_extension(Flex, Autodiff)]
pub trait Operations: Backend {
    /// The operation's outputs.
    fn apply(x: FloatTensor<Self>, operation: Arc<dyn Operation>) -> FloatTensor<Self>;

    /// The same numbers; the loss's gradient by them becomes that of the probe, whatever shape the probe has.
    fn tapped(x: FloatTensor<Self>, probe: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Operations for Flex {
    fn apply(x: FlexTensor, operation: Arc<dyn Operation>) -> FlexTensor {
        let (x, rows) = by_rows(&x);
        matrix(operation.forward(slice(&x), rows), rows)
    }

    fn tapped(x: FlexTensor, _: FlexTensor) -> FlexTensor {
        x
    }
}

impl<C: CheckpointStrategy> Operations for Autodiff<Flex, C> {
    fn apply(x: FloatTensor<Self>, operation: Arc<dyn Operation>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Applied;

        impl Backward<Flex, 1> for Applied {
            type State = (FlexTensor, Arc<dyn Operation>);

            fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let (input, operation) = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, gradients, |delta| {
                    let ((input, rows), (delta, _)) = (by_rows(&input), by_rows(&delta));
                    matrix(operation.backward(slice(&input), slice(&delta), rows), rows)
                });
            }
        }

        let node = x.node();
        let input = x.into_primitive();
        let output = Flex::apply(input.clone(), operation.clone());
        match Applied.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((input, operation), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn tapped(x: FloatTensor<Self>, probe: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Tapped;

        impl Backward<Flex, 2> for Tapped {
            type State = ();

            fn backward(self, ops: Ops<(), 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let delta = gradients.consume::<Flex>(&ops.node);
                for node in ops.parents.into_iter().flatten() {
                    gradients.register::<Flex>(node.id, delta.clone());
                }
            }
        }

        let nodes = [x.node(), probe.node()];
        Tapped.prepare::<C>(nodes).compute_bound().stateless(x.into_primitive())
    }
}

/// The operation's outputs for a batch, [rows, inputs] to [rows, outputs].
pub fn apply(x: Tensor<2>, operation: Arc<dyn Operation>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::apply(x.into_dispatch(), operation))
}

/// The same batch. After a backward pass the probe has the loss's gradient by it, [rows, numbers], as its own.
pub fn tapped(x: Tensor<2>, probe: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::tapped(x.into_dispatch(), probe.into_dispatch()))
}

/// A tensor's numbers where they are.
pub fn held<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    let tensor = tensor.without_autodiff().try_into_primitive::<Flex>().expect("the one backend that is built in");
    tensor.to_contiguous()
}

/// The numbers of a tensor that [`held`] gave.
///
/// # Panics
/// If the tensor is another's.
pub fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a tensor that is held lies in one piece")
}

fn by_rows(tensor: &FlexTensor) -> (FlexTensor, usize) {
    (tensor.to_contiguous(), tensor.layout().shape()[0])
}

fn matrix(values: Vec<f32>, rows: usize) -> FlexTensor {
    let width = values.len() / rows.max(1);
    FlexTensor::from_data(TensorData::new(values, [rows, width]))
}
