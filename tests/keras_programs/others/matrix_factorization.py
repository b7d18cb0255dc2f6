"""Users and films as vectors whose product is a rating, with biases and penalties."""

import numpy as np
from keras.layers import Dense, Dropout, Embedding, Flatten, Input, merge
from keras.models import Model
from keras.optimizers import Adam
from keras.regularizers import l2

np.random.seed(20)
n_users, n_movies, n_factors = 40, 30, 4
users, movies = np.random.normal(size=(n_users, 2)), np.random.normal(size=(n_movies, 2))
ratings = 3 + users @ movies.T + 0.5 * np.random.normal(size=(n_users, 1))
pairs = np.array([(u, m) for u in range(n_users) for m in range(n_movies)])
np.random.shuffle(pairs)
y = ratings[pairs[:, 0], pairs[:, 1]]


def create_bias(inp, n_in):
    x = Embedding(n_in, 1, input_length=1)(inp)
    return Flatten()(x)


user_in = Input(shape=(1,), dtype="int32", name="user_in")
movie_in = Input(shape=(1,), dtype="int32", name="movie_in")
u = Embedding(n_users, n_factors, input_length=1, W_regularizer=l2(1e-4))(user_in)
m = Embedding(n_movies, n_factors, input_length=1, W_regularizer=l2(1e-4))(movie_in)
x = merge([u, m], mode="dot", dot_axes=2)
x = Flatten()(x)
x = merge([x, create_bias(user_in, n_users)], mode="sum")
x = merge([x, create_bias(movie_in, n_movies)], mode="sum")
model = Model([user_in, movie_in], x)
model.compile(Adam(0.02), loss="mse")
train = [pairs[:1000, 0], pairs[:1000, 1]]
test = [pairs[1000:, 0], pairs[1000:, 1]]
model.fit(train, y[:1000], batch_size=32, nb_epoch=40, verbose=0, validation_data=(test, y[1000:]))
product_error = model.evaluate(test, y[1000:], verbose=0)

x = merge([Flatten()(u), Flatten()(m)], mode="concat")
x = Dense(32, activation="relu")(x)
x = Dropout(0.1)(x)
nn = Model([user_in, movie_in], Dense(1)(x))
nn.compile(Adam(0.005), loss="mse")
nn.fit(train, y[:1000], batch_size=32, nb_epoch=25, verbose=0)
network_error = nn.evaluate(test, y[1000:], verbose=0)
print("Errors:", product_error, network_error, "variance", y.var())
assert product_error < 0.25 * y.var()
assert network_error < 0.6 * y.var()
