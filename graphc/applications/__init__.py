"""Networks that are built by name, with weights from the files that Keras had for them."""

from graphc.applications.inception_v3 import InceptionV3
from graphc.applications.resnet50 import ResNet50
from graphc.applications.vgg16 import VGG16
from graphc.applications.vgg19 import VGG19
from graphc.applications.xception import Xception
from graphc.public.calls import public

__all__ = ["VGG16", "VGG19", "InceptionV3", "ResNet50", "Xception"]

public(__name__)
