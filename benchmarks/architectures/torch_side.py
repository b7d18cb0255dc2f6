"""The networks in PyTorch, eagerly, as its users would write them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.architectures.workloads import Architecture, Prepared

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "binary_crossentropy": F.binary_cross_entropy,
}


def prepared(architecture: Architecture, work: str) -> Prepared:
    """Build a network, and its optimizer where the work of `WORK` that is named is training."""
    network = NETWORKS[architecture.name]()
    parameters = [weight for weight in network.parameters() if weight.requires_grad]
    x = torch.from_numpy(architecture.inputs())
    with torch.no_grad():
        output_shape = tuple(network(x).shape[1:])
    if work == "training":
        call = _training(architecture, network, parameters, x, output_shape)
    else:
        call = _prediction(network, x[:1] if work == "one" else x)
    return Prepared(call, output_shape, sum(weight.numel() for weight in parameters))


def _training(
    architecture: Architecture,
    network: nn.Module,
    parameters: list[nn.Parameter],
    x: Tensor,
    output_shape: tuple[int, ...],
) -> Callable[[], object]:
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    y = torch.from_numpy(architecture.targets(output_shape))
    loss = _LOSSES[architecture.loss]

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss(network(x), y).backward()
        optimizer.step()

    return step


def _prediction(network: nn.Module, x: Tensor) -> Callable[[], object]:
    network.eval()

    def predict() -> Tensor:
        with torch.inference_mode():
            return network(x)

    return predict


def versions() -> str:
    """PyTorch's."""
    return f"torch {torch.__version__}"


class GlobalAverage(nn.Module):
    """The mean of each channel: (batch, channels, height, width) to (batch, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """Average over height and width."""
        return x.mean((2, 3))


class Lstm(nn.Module):
    """An LSTM of one layer with one bias a gate, as in Keras: (batch, steps, features) to
    (batch, units), or (batch, steps, units) where it returns `sequences`."""

    def __init__(self, features: int, units: int, sequences: bool = False):
        super().__init__()
        self.layer = nn.LSTM(features, units, batch_first=True)
        nn.init.zeros_(self.layer.bias_hh_l0).requires_grad_(False)
        self.sequences = sequences

    def forward(self, x: Tensor) -> Tensor:
        """Return all outputs or the last one."""
        outputs, _ = self.layer(x)
        return outputs if self.sequences else outputs[:, -1]


def conv(channels: int, filters: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution whose output is as large as its input, over its stride."""
    return nn.Conv2d(channels, filters, size, stride, padding=size // 2)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalization with the constants of Keras."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def batch_norm_rows(features: int) -> nn.BatchNorm1d:
    """The same, of (batch, features)."""
    return nn.BatchNorm1d(features, eps=1e-3, momentum=0.01)


def lenet() -> nn.Module:
    """LeNet-5's layout, with averages and hyperbolic tangents."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(50 * 4 * 4, 500),
        nn.Tanh(),
        nn.Linear(500, 10),
        nn.Softmax(1),
    )


class UNet(nn.Module):
    """U-Net of two scales below the image's."""

    def __init__(self) -> None:
        super().__init__()
        self.at_full = conv(1, 16)
        self.at_half = conv(16, 32)
        self.at_quarter = conv(32, 32)
        self.to_half = conv(64, 16)
        self.to_full = conv(32, 16)
        self.output = nn.Conv2d(16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a probability for each pixel."""
        full = torch.relu(self.at_full(x))
        half = torch.relu(self.at_half(F.max_pool2d(full, 2)))
        quarter = torch.relu(self.at_quarter(F.max_pool2d(half, 2)))
        joined = torch.cat([F.interpolate(quarter, scale_factor=2), half], 1)
        to_half = torch.relu(self.to_half(joined))
        joined = torch.cat([F.interpolate(to_half, scale_factor=2), full], 1)
        return torch.sigmoid(self.output(torch.relu(self.to_full(joined))))


class InceptionBlock(nn.Module):
    """Branches of 32, 48 and 8 channels, joined to 88."""

    def __init__(self, channels: int):
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(conv(channels, filters, size), batch_norm(filters), nn.ReLU())
            for filters, size in ((32, 3), (48, 3), (8, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the branches along their channels."""
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception() -> nn.Module:
    """An Inception block whose branches are normalized, and a small head."""
    return nn.Sequential(
        InceptionBlock(8),
        nn.MaxPool2d(2),
        nn.Conv2d(88, 16, 3),
        nn.Flatten(),
        nn.Linear(16 * 12 * 12, 10),
    )


def inception_pooling_branch() -> nn.Module:
    """Overlapping maxima and a 1 x 1 convolution, as in a branch of an Inception block."""
    return nn.Sequential(
        conv(16, 64),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.Conv2d(64, 32, 1),
        GlobalAverage(),
        nn.Linear(32, 10),
    )


def cnn() -> nn.Module:
    """Two convolutions on small images."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 12 * 12, 10),
    )


def cnn_batch_normalization() -> nn.Module:
    """Convolution, batch normalization, rectifier and maxima, twice."""
    layers: list[nn.Module] = []
    for channels, filters in ((3, 32), (32, 64)):
        layers += [conv(channels, filters), batch_norm(filters), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 8 * 8, 10))


def vgg() -> nn.Module:
    """VGG's layout for small images: two blocks of two convolutions."""
    return nn.Sequential(
        conv(3, 64),
        nn.ReLU(),
        conv(64, 64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv(64, 128),
        nn.ReLU(),
        conv(128, 128),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128 * 8 * 8, 256),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(256, 10),
        nn.Softmax(1),
    )


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which is projected where the stride is above 1."""

    def __init__(self, channels: int, filters: int, stride: int):
        super().__init__()
        self.residual = nn.Sequential(
            conv(channels, filters, stride=stride),
            batch_norm(filters),
            nn.ReLU(),
            conv(filters, filters),
            batch_norm(filters),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(
                conv(channels, filters, 1, stride=stride), batch_norm(filters)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Add the two and rectify."""
        return torch.relu(self.shortcut(x) + self.residual(x))


def resnet() -> nn.Module:
    """ResNet of three blocks."""
    return nn.Sequential(
        conv(3, 16),
        batch_norm(16),
        nn.ReLU(),
        ResidualBlock(16, 16, 1),
        ResidualBlock(16, 32, 2),
        ResidualBlock(32, 64, 2),
        GlobalAverage(),
        nn.Linear(64, 10),
        nn.Softmax(1),
    )


class DenseLayer(nn.Module):
    """DenseNet's layer: 12 channels more than it is given."""

    def __init__(self, channels: int):
        super().__init__()
        self.grown = nn.Sequential(batch_norm(channels), nn.ReLU(), conv(channels, 12))

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the input and what was made of it."""
        return torch.cat([x, self.grown(x)], 1)


def densenet() -> nn.Module:
    """DenseNet: a block of four layers that grows by 12 channels each, and a transition."""
    return nn.Sequential(
        conv(3, 24),
        DenseLayer(24),
        DenseLayer(36),
        DenseLayer(48),
        DenseLayer(60),
        batch_norm(72),
        nn.ReLU(),
        nn.Conv2d(72, 36, 1),
        nn.AvgPool2d(2),
        GlobalAverage(),
        nn.Linear(36, 10),
        nn.Softmax(1),
    )


class Fire(nn.Module):
    """SqueezeNet's module: few channels, then many by windows of two sizes."""

    def __init__(self, channels: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = conv(channels, squeezed, 1)
        self.narrow = conv(squeezed, expanded, 1)
        self.wide = conv(squeezed, expanded)

    def forward(self, x: Tensor) -> Tensor:
        """Return twice as many channels as it expands to."""
        y = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat([self.narrow(y), self.wide(y)], 1))


def squeezenet() -> nn.Module:
    """SqueezeNet of three fire modules."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        nn.MaxPool2d(3, stride=2),
        Fire(128, 32, 128),
        nn.Dropout(0.5),
        nn.Conv2d(256, 10, 1),
        nn.ReLU(),
        GlobalAverage(),
        nn.Softmax(1),
    )


def separable_conv(channels: int, filters: int) -> nn.Module:
    """A convolution of each channel alone, and a 1 x 1 convolution with the bias."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.Conv2d(channels, filters, 1),
    )


def mobilenet() -> nn.Module:
    """MobileNet's layout: convolutions that are separable by channels."""
    layers: list[nn.Module] = [conv(3, 32, stride=2), batch_norm(32), nn.ReLU()]
    for channels, filters in ((32, 64), (64, 128)):
        layers.append(separable_conv(channels, filters))
        layers += [batch_norm(filters), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, GlobalAverage(), nn.Linear(128, 10), nn.Softmax(1))


def fcn() -> nn.Module:
    """A fully convolutional network: a map as large as the image, by transposed convolutions."""
    return nn.Sequential(
        conv(3, 16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv(16, 32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv(32, 32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 2, stride=2),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 2, stride=2),
        nn.Sigmoid(),
    )


def convolutional_autoencoder() -> nn.Module:
    """An autoencoder of images by maxima and repeated pixels."""
    return nn.Sequential(
        conv(1, 16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv(16, 8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv(8, 8),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        conv(8, 16),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        conv(16, 1),
        nn.Sigmoid(),
    )


def dcgan_generator() -> nn.Module:
    """DCGAN's generator: images of 28 x 28 from 100 numbers."""
    return nn.Sequential(
        nn.Linear(100, 128 * 7 * 7),
        batch_norm_rows(128 * 7 * 7),
        nn.ReLU(),
        nn.Unflatten(1, (128, 7, 7)),
        nn.Upsample(scale_factor=2),
        conv(128, 64),
        batch_norm(64),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        conv(64, 1),
        nn.Tanh(),
    )


def dcgan_discriminator() -> nn.Module:
    """DCGAN's discriminator: strides in place of poolings."""
    return nn.Sequential(
        conv(1, 64, 5, stride=2),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        conv(64, 128, 5, stride=2),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
        nn.Sigmoid(),
    )


def conv3d_averages() -> nn.Module:
    """A convolution of volumes, and averages."""
    return nn.Sequential(
        nn.Conv3d(3, 8, 5, padding=2),
        nn.ReLU(),
        nn.AvgPool3d(2),
        nn.Flatten(),
        nn.Linear(8 * 10 * 10 * 10, 10),
    )


def conv3d_overlapping_maxima() -> nn.Module:
    """A convolution of volumes, and maxima of windows that overlap."""
    return nn.Sequential(
        nn.Conv3d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool3d(3, stride=1),
        nn.Flatten(),
        nn.Linear(16 * 14 * 14 * 14, 10),
    )


class TextCnn(nn.Module):
    """Kim's network for sentences: windows of three, four and five words."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5_000, 100)
        self.convolutions = nn.ModuleList(nn.Conv1d(100, 100, length) for length in (3, 4, 5))
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(300, 1), nn.Sigmoid())

    def forward(self, words: Tensor) -> Tensor:
        """Return a probability for each sentence: (batch, words) to (batch, 1)."""
        x = self.embedding(words).permute(0, 2, 1)
        maxima = [torch.relu(convolution(x)).amax(2) for convolution in self.convolutions]
        return self.head(torch.cat(maxima, 1))


class PooledWords(nn.Module):
    """Averages of two words, and their maxima: (batch, words, features) to (batch, features)."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool along the words."""
        return F.avg_pool1d(x.permute(0, 2, 1), 2).amax(2)


def embedding_averages() -> nn.Module:
    """Embedding, dropout, averages of two words, and the maxima of a text."""
    return nn.Sequential(nn.Embedding(5_000, 50), nn.Dropout(0.2), PooledWords(), nn.Linear(50, 5))


def char_rnn() -> nn.Module:
    """Two LSTM layers that predict the next of 60 characters."""
    return nn.Sequential(
        Lstm(60, 128, sequences=True),
        nn.Dropout(0.2),
        Lstm(128, 128),
        nn.Linear(128, 60),
        nn.Softmax(1),
    )


class HierarchicalRnn(nn.Module):
    """An LSTM over the pixels of each row of an image, and one over its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.of_row = Lstm(1, 128)
        self.of_rows = Lstm(128, 128)
        self.head = nn.Sequential(nn.Linear(128, 10), nn.Softmax(1))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (batch, rows, columns, 1) to (batch, 10)."""
        rows = self.of_row(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.head(self.of_rows(rows))


class AdditionRnn(nn.Module):
    """Sequence to sequence: "123+456" in, the four characters of the sum out."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Lstm(12, 128)
        self.decoder = Lstm(128, 128, sequences=True)
        self.head = nn.Sequential(nn.Linear(128, 12), nn.Softmax(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return distributions of characters: (batch, 7, 12) to (batch, 4, 12)."""
        repeated = self.encoder(x).unsqueeze(1).repeat(1, 4, 1)
        return self.head(self.decoder(repeated))


def autoencoder() -> nn.Module:
    """An autoencoder of dense layers, 32 numbers in the middle."""
    layers: list[nn.Module] = []
    features = 784
    for units in (128, 64, 32, 64, 128):
        layers += [nn.Linear(features, units), nn.ReLU()]
        features = units
    return nn.Sequential(*layers, nn.Linear(features, 784), nn.Sigmoid())


class Vae(nn.Module):
    """A variational autoencoder, trained by its reconstruction alone."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU())
        self.mean = nn.Linear(256, 16)
        self.log_variance = nn.Linear(256, 16)
        self.decoder = nn.Sequential(
            nn.Linear(16, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct rows from a draw by their means and the logarithms of their variances."""
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        return self.decoder(mean + torch.exp(log_variance / 2) * torch.randn_like(mean))


def siamese_base() -> nn.Module:
    """The network that both inputs of a siamese network pass through."""
    return nn.Sequential(
        nn.Linear(784, 128),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(128, 128),
        nn.ReLU(),
    )


def wide_mlp() -> nn.Module:
    """A perceptron of two wide layers and 2,000 classes."""
    layers: list[nn.Module] = []
    for features in (200, 1024):
        layers += [nn.Linear(features, 1024), nn.ReLU(), batch_norm_rows(1024), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(1024, 2_000), nn.Softmax(1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "lenet": lenet,
    "unet": UNet,
    "inception": inception,
    "inception-pooling-branch": inception_pooling_branch,
    "cnn": cnn,
    "cnn-batch-normalization": cnn_batch_normalization,
    "vgg": vgg,
    "resnet": resnet,
    "densenet": densenet,
    "squeezenet": squeezenet,
    "mobilenet": mobilenet,
    "fcn": fcn,
    "convolutional-autoencoder": convolutional_autoencoder,
    "dcgan-generator": dcgan_generator,
    "dcgan-discriminator": dcgan_discriminator,
    "conv3d-averages": conv3d_averages,
    "conv3d-overlapping-maxima": conv3d_overlapping_maxima,
    "text-cnn": TextCnn,
    "embedding-averages": embedding_averages,
    "char-rnn": char_rnn,
    "hierarchical-rnn": HierarchicalRnn,
    "addition-rnn": AdditionRnn,
    "autoencoder": autoencoder,
    "vae": Vae,
    "siamese-base": siamese_base,
    "wide-mlp": wide_mlp,
}
