# One image for every service; which one a container is, its command says: `--entry job`.

FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

# No install script is needed here; the one of ours builds the dashboard, of which nothing is there yet.
FROM packages AS build
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

# Without the optional packages, which are the embedded PostgreSQL: a container is given a DATABASE_URL.
FROM packages AS production
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
# Owned by root, so that the process cannot change its own code.
COPY --from=production /app/package.json ./
COPY --from=production /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/dashboard/dist ./dashboard/dist
RUN chmod +x dist/cli/main.js && ln -s /app/dist/cli/main.js /usr/local/bin/rookery
USER node
EXPOSE 8080
# Node itself, not npm or a shell, so that it hears SIGTERM.
ENTRYPOINT ["node", "dist/main.js"]
