"""A picture and a question: a convolutional and a recurrent branch that meet."""

import numpy as np
from keras.layers import LSTM, Convolution2D, Dense, Embedding, Flatten, Input, MaxPooling2D, merge
from keras.models import Model, Sequential

np.random.seed(9)
n, size = 1600, 8
pictures = np.random.rand(n, 1, size, size) * 0.3
columns, rows = np.random.randint(0, 2, n), np.random.randint(0, 2, n)
for picture, r, c in zip(pictures, rows, columns):
    picture[0, r * 4 + 1 : r * 4 + 3, c * 4 + 1 : c * 4 + 3] = 1.0
asks_row = np.random.randint(0, 2, n)
questions = np.array([[1, 2, 3 + k, 0][::-1] if k else [0, 1, 2, 3] for k in asks_row])
answers = np.eye(4)[np.where(asks_row, 2 + rows, columns)]

vision_model = Sequential()
vision_model.add(
    Convolution2D(8, 3, 3, activation="relu", border_mode="same", input_shape=(1, size, size))
)
vision_model.add(MaxPooling2D((2, 2)))
vision_model.add(Flatten())
image_input = Input(shape=(1, size, size))
encoded_image = vision_model(image_input)
question_input = Input(shape=(4,), dtype="int32")
embedded_question = Embedding(input_dim=6, output_dim=8, input_length=4)(question_input)
encoded_question = LSTM(16)(embedded_question)
merged = merge([encoded_question, encoded_image], mode="concat")
hidden = Dense(32, activation="relu")(merged)
output = Dense(4, activation="softmax")(hidden)
vqa_model = Model(input=[image_input, question_input], output=output)
vqa_model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
vqa_model.fit([pictures[:1300], questions[:1300]], answers[:1300], nb_epoch=15, verbose=0)
held_out = [pictures[1300:], questions[1300:]]
accuracy = vqa_model.evaluate(held_out, answers[1300:], verbose=0)[1]
print("Accuracy:", accuracy)
assert accuracy > 0.95
