"""A U-Net finds discs on noise; the loss is one less the Dice coefficient."""

import numpy as np
from keras import backend as K
from keras.layers import Convolution2D, Input, MaxPooling2D, UpSampling2D, merge
from keras.models import Model
from keras.optimizers import Adam

np.random.seed(5)
smooth = 1.0


def dice_coef(y_true, y_pred):
    y_true_f = K.flatten(y_true)
    y_pred_f = K.flatten(y_pred)
    intersection = K.sum(y_true_f * y_pred_f)
    return (2.0 * intersection + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)


def dice_coef_loss(y_true, y_pred):
    return -dice_coef(y_true, y_pred)


def conv2(x, n):
    x = Convolution2D(n, 3, 3, activation="relu", border_mode="same")(x)
    return Convolution2D(n, 3, 3, activation="relu", border_mode="same")(x)


rows, cols = np.mgrid[:16, :16]
centres = np.random.uniform(4, 12, size=(160, 2))
masks = np.array([(rows - r) ** 2 + (cols - c) ** 2 < 12 for r, c in centres])[:, None]
masks = masks.astype("float32")
images = masks + np.random.normal(0, 0.5, masks.shape)

inputs = Input((1, 16, 16))
conv1 = conv2(inputs, 6)
conv_2 = conv2(MaxPooling2D(pool_size=(2, 2))(conv1), 12)
conv_3 = conv2(MaxPooling2D(pool_size=(2, 2))(conv_2), 16)
up4 = merge([UpSampling2D(size=(2, 2))(conv_3), conv_2], mode="concat", concat_axis=1)
conv_4 = conv2(up4, 12)
up5 = merge([UpSampling2D(size=(2, 2))(conv_4), conv1], mode="concat", concat_axis=1)
conv_5 = conv2(up5, 6)
outputs = Convolution2D(1, 1, 1, activation="sigmoid")(conv_5)
model = Model(input=inputs, output=outputs)
model.compile(optimizer=Adam(lr=5e-3), loss=dice_coef_loss, metrics=[dice_coef])
model.fit(images[:128], masks[:128], batch_size=16, nb_epoch=8, verbose=2, shuffle=True)
found = model.predict(images[128:]) > 0.5
truth = masks[128:] > 0.5
overlap = (found & truth).sum() / float((found | truth).sum())
print("Intersection over union:", overlap)
assert overlap > 0.8
