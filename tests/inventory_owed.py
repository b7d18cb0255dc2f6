"""Names of Keras 1.2.2 that are not here yet, by module. A row goes when its name has come."""

OWED: dict[str, list[str]] = {
    "keras.applications": ["InceptionV3", "ResNet50", "VGG16", "VGG19", "Xception"],
    "keras.applications.audio_conv_utils": ["decode_predictions", "preprocess_input"],
    "keras.applications.imagenet_utils": ["decode_predictions", "preprocess_input"],
    "keras.applications.inception_v3": ["InceptionV3", "conv2d_bn", "preprocess_input"],
    "keras.applications.music_tagger_crnn": ["MusicTaggerCRNN"],
    "keras.applications.resnet50": ["ResNet50", "conv_block", "identity_block"],
    "keras.applications.vgg16": ["VGG16"],
    "keras.applications.vgg19": ["VGG19"],
    "keras.applications.xception": ["Xception", "preprocess_input"],
    "keras.engine.topology": [
        "Container.losses",
        "Container.save",
        "Layer.add_loss",
        "Layer.add_update",
        "Layer.add_weight",
        "Layer.get_losses_for",
        "Layer.get_updates_for",
        "object_list_uid",
    ],
    "keras.layers.wrappers": ["Bidirectional.losses"],
    "keras.models": [
        "Sequential.from_config",
        "Sequential.get_losses_for",
        "Sequential.get_updates_for",
        "Sequential.losses",
    ],
    "keras.utils.np_utils": ["conv_input_length", "conv_output_length"],
}
