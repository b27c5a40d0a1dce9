"""Variational autoencoders: fully connected, convolutional, and equivariant to rotations."""

from models.vae.autoencoder import VAE, Autoencoding, drawn
from models.vae.convolutional import ConvVAE
from models.vae.equivariant import EquivariantVAE
from models.vae.mlp import MLPVAE

__all__ = ["MLPVAE", "VAE", "Autoencoding", "ConvVAE", "EquivariantVAE", "drawn"]
