"""A picture made into MNIST's 28x28: decoded, ink separated from paper, normalized."""
