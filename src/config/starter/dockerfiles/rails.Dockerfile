FROM ruby:3.4-slim
RUN apt-get update && apt-get install -y --no-install-recommends build-essential git libpq-dev libsqlite3-0 libyaml-dev
WORKDIR /rails
ENV RAILS_ENV=production BUNDLE_WITHOUT=development:test BUNDLE_DEPLOYMENT=1
COPY Gemfile Gemfile.lock ./
RUN bundle install
COPY . .
RUN SECRET_KEY_BASE_DUMMY=1 bin/rails assets:precompile
RUN useradd --create-home rails && mkdir -p db log storage tmp && chown -R rails:rails db log storage tmp
USER rails
EXPOSE 3000
CMD ["bin/rails", "server", "-b", "0.0.0.0"]
