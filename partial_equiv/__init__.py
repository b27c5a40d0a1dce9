"""Partially equivariant group convolutions in PyTorch: groups, sampling, continuous kernels, layers."""
