//! Differentiation of scalar programs, by reverse accumulation.

use super::{Binary, Instruction, Program, Unary, Value};

impl Program {
    /// `upstream * d(first output) / d(input)`: a program with two inputs more, the upstream gradient and the output
    /// itself. The output stands in for what led to it where that is enough (ReLU, tanh, exp), so that forward values
    /// need not be kept. `None` where the output does not depend on the input.
    #[must_use]
    pub fn gradient(&self, input: u8) -> Option<Self> {
        let from_inputs = self.gradient_with(input, false)?;
        let from_output = self.gradient_with(input, true)?;
        let forward = self.input_count() as u8;
        let kept = |program: &Self| program.used_inputs().into_iter().filter(|used| *used < forward).count();
        Some(if kept(&from_output) < kept(&from_inputs) { from_output } else { from_inputs })
    }

    /// Numbers of the inputs that are read, ascending.
    #[must_use]
    pub fn used_inputs(&self) -> Vec<u8> {
        let mut used: Vec<u8> = self
            .instructions
            .iter()
            .filter_map(|instruction| match instruction {
                Instruction::Input(input) => Some(*input),
                _ => None,
            })
            .collect();
        used.sort_unstable();
        used
    }

    fn gradient_with(&self, input: u8, through_output: bool) -> Option<Self> {
        let mut out = Self::new();
        let count = self.input_count();
        let inputs: Vec<Value> = (0..count).map(|number| out.input(number as u8)).collect();
        let mut plain = self.clone();
        plain.outputs = (0..self.instructions.len() as u16).collect();
        let mut values = out.inline(&plain, &inputs);
        let upstream = out.input(count as u8);
        let last = usize::from(*self.outputs.first()?);
        if through_output && !matches!(self.instructions.get(last), Some(Instruction::Input(_))) {
            *values.get_mut(last)? = out.input(count as u8 + 1);
        }
        let mut adjoints: Vec<Option<Value>> = vec![None; self.instructions.len()];
        *adjoints.get_mut(last)? = Some(upstream);
        let mut result = None;
        for (index, instruction) in self.instructions.iter().enumerate().rev() {
            let Some(adjoint) = adjoints.get(index).copied().flatten() else { continue };
            if *instruction == Instruction::Input(input) {
                result = Some(adjoint);
            }
            for (operand, share) in out.shares(*instruction, &values, index, adjoint) {
                let Some(slot) = adjoints.get_mut(usize::from(operand)) else { continue };
                *slot = Some(match *slot {
                    Some(earlier) => out.binary(Binary::Add, earlier, share),
                    None => share,
                });
            }
        }
        out.output(result?);
        Some(out.compact(|number| number))
    }

    /// What each operand of one instruction gets of `adjoint`.
    fn shares(
        &mut self,
        instruction: Instruction,
        values: &[Value],
        index: usize,
        adjoint: Value,
    ) -> Vec<(u16, Value)> {
        let at = |number: u16| values.get(usize::from(number)).copied().unwrap_or(Value(0));
        let y = values.get(index).copied().unwrap_or(Value(0));
        match instruction {
            Instruction::Input(_) | Instruction::Constant(_) => vec![],
            Instruction::Unary(function, x) => {
                self.unary_share(function, at(x), y, adjoint).map(|share| (x, share)).into_iter().collect()
            }
            Instruction::Binary(function, a, b) => {
                let [left, right] = self.binary_shares(function, [at(a), at(b)], y, adjoint);
                [(a, left), (b, right)].into_iter().filter_map(|(to, share)| Some((to, share?))).collect()
            }
            Instruction::Select(condition, then, otherwise) => {
                let zero = self.constant(0.0);
                let left = self.select(at(condition), adjoint, zero);
                let right = self.select(at(condition), zero, adjoint);
                vec![(then, left), (otherwise, right)]
            }
        }
    }

    fn unary_share(&mut self, function: Unary, x: Value, y: Value, adjoint: Value) -> Option<Value> {
        let slope = match function {
            Unary::Negate => self.constant(-1.0),
            Unary::Exp => y,
            Unary::Log => self.unary(Unary::Reciprocal, x),
            Unary::Sqrt => {
                let half = self.constant(0.5);
                self.binary(Binary::Divide, half, y)
            }
            Unary::ReciprocalSqrt => {
                let cube = self.product(&[y, y, y]);
                let factor = self.constant(-0.5);
                self.binary(Binary::Multiply, factor, cube)
            }
            Unary::Reciprocal => {
                let square = self.product(&[y, y]);
                self.unary(Unary::Negate, square)
            }
            Unary::Abs => self.unary(Unary::Sign, x),
            Unary::Tanh => {
                let square = self.product(&[y, y]);
                let one = self.constant(1.0);
                self.binary(Binary::Subtract, one, square)
            }
            Unary::Sigmoid => {
                let one = self.constant(1.0);
                let rest = self.binary(Binary::Subtract, one, y);
                self.product(&[y, rest])
            }
            Unary::Sin => self.unary(Unary::Cos, x),
            Unary::Cos => {
                let sin = self.unary(Unary::Sin, x);
                self.unary(Unary::Negate, sin)
            }
            Unary::Sign | Unary::Floor | Unary::IsFinite => return None,
        };
        Some(self.binary(Binary::Multiply, adjoint, slope))
    }

    fn binary_shares(
        &mut self,
        function: Binary,
        [a, b]: [Value; 2],
        y: Value,
        adjoint: Value,
    ) -> [Option<Value>; 2] {
        match function {
            Binary::Add => [Some(adjoint), Some(adjoint)],
            Binary::Subtract => [Some(adjoint), Some(self.unary(Unary::Negate, adjoint))],
            Binary::Multiply => [Some(self.product(&[adjoint, b])), Some(self.product(&[adjoint, a]))],
            Binary::Divide => {
                let left = self.binary(Binary::Divide, adjoint, b);
                let share = self.product(&[left, y]);
                [Some(left), Some(self.unary(Unary::Negate, share))]
            }
            // Where both are equal the second wins, so that max(x, 0) has slope 0 at 0; there the output tells as
            // much as the input.
            Binary::Maximum if self.known(b).is_some_and(|known| known.to_bits() == 0) => {
                self.routed(y, b, adjoint)
            }
            Binary::Maximum => self.routed(a, b, adjoint),
            Binary::Minimum => self.routed(b, a, adjoint),
            Binary::Greater | Binary::Equal => [None, None],
        }
    }

    /// All of `adjoint` to the first operand where `larger > smaller`, else to the second.
    fn routed(&mut self, larger: Value, smaller: Value, adjoint: Value) -> [Option<Value>; 2] {
        let condition = self.binary(Binary::Greater, larger, smaller);
        let zero = self.constant(0.0);
        [Some(self.select(condition, adjoint, zero)), Some(self.select(condition, zero, adjoint))]
    }

    fn product(&mut self, factors: &[Value]) -> Value {
        let one = self.constant(1.0);
        factors.iter().fold(one, |product, factor| self.binary(Binary::Multiply, product, *factor))
    }
}
