"""A memory network: the question is matched with each word of the story."""

import numpy as np
from keras.layers import LSTM, Activation, Dense, Dropout, Merge, Permute
from keras.layers.embeddings import Embedding
from keras.models import Sequential
from keras.optimizers import Adam

np.random.seed(5)
story_maxlen, query_maxlen, nb_keys, nb_values = 4, 1, 3, 4
vocab_size = nb_keys + nb_values + 1


def facts(n):
    """Pairs of a key and a value; the query is a key, the answer its value."""
    stories, queries, answers = [], [], []
    for _ in range(n):
        keys = np.random.permutation(nb_keys)[:2] + 1
        values = np.random.randint(nb_keys + 1, vocab_size, 2)
        stories.append(np.stack([keys, values], 1).ravel())
        k = np.random.randint(2)
        queries.append([keys[k]])
        answers.append(np.eye(vocab_size)[values[k]])
    return np.array(stories), np.array(queries), np.array(answers)


inputs_train, queries_train, answers_train = facts(2500)
inputs_test, queries_test, answers_test = facts(300)
input_encoder_m = Sequential()
input_encoder_m.add(Embedding(input_dim=vocab_size, output_dim=24, input_length=story_maxlen))
input_encoder_m.add(Dropout(0.05))
question_encoder = Sequential()
question_encoder.add(Embedding(input_dim=vocab_size, output_dim=24, input_length=query_maxlen))
question_encoder.add(Dropout(0.05))
match = Sequential()
match.add(Merge([input_encoder_m, question_encoder], mode="dot", dot_axes=[2, 2]))
match.add(Activation("softmax"))
input_encoder_c = Sequential()
input_encoder_c.add(
    Embedding(input_dim=vocab_size, output_dim=query_maxlen, input_length=story_maxlen)
)
input_encoder_c.add(Dropout(0.05))
response = Sequential()
response.add(Merge([match, input_encoder_c], mode="sum"))
response.add(Permute((2, 1)))
answer = Sequential()
answer.add(Merge([response, question_encoder], mode="concat", concat_axis=-1))
answer.add(LSTM(24))
answer.add(Dense(vocab_size))
answer.add(Activation("softmax"))
answer.compile(optimizer=Adam(lr=0.005), loss="categorical_crossentropy", metrics=["accuracy"])
answer.fit(
    [inputs_train, queries_train, inputs_train],
    answers_train,
    batch_size=32,
    nb_epoch=40,
    verbose=0,
)
score = answer.evaluate([inputs_test, queries_test, inputs_test], answers_test, verbose=0)
print("Test accuracy:", score[1], "and by one of the two values 0.6")
assert score[1] > 0.75
