# One image for every service; which one a container is, its command says: `--entry job`.

FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM packages AS build
RUN npm ci
COPY . .
RUN npm run build

# Without the optional packages, which are the embedded PostgreSQL: a container is given a DATABASE_URL.
FROM packages AS production
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
# Owned by root, so that the process cannot change its own code.
COPY --from=production /app/package.json ./
COPY --from=production /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN chmod +x dist/cli/main.js && ln -s /app/dist/cli/main.js /usr/local/bin/rookery
USER node
EXPOSE 8080
# Node itself, not npm or a shell, so that it hears SIGTERM.
ENTRYPOINT ["node", "dist/main.js"]
